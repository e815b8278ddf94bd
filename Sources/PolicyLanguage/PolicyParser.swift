package import Experimentation

/// Reads policy files into checked values, or into every mistake with its place.
///
///     let policies = try PolicyParser.parse([PolicySource(file: "a.yaml", text: text)])
///
/// Pure: the same texts always give the same values, digests and diagnostics.
package enum PolicyParser {
  /// The version of the language, as files name it.
  package static let apiVersion = "rollout/v1"

  /// Reads one file alone; that the models it names exist is not asked.
  ///
  /// - Throws: ``PolicyErrors`` with every mistake of the file.
  package static func parse(_ source: PolicySource) throws(PolicyErrors) -> PolicyDocument {
    let read = ReadDocument(source)
    guard let document = read.document, !read.log.hasErrors else {
      throw PolicyErrors(diagnostics: read.log.diagnostics)
    }
    return document
  }

  /// Reads files that belong together and checks them against each other.
  ///
  /// - Parameters:
  ///   - sources: Any number; an empty array gives an empty set.
  ///   - knownModels: Models that rollouts may name beside those of `sources`.
  /// - Throws: ``PolicyErrors`` with every mistake of all files.
  package static func parse(
    _ sources: [PolicySource], knownModels: Set<ModelName> = []
  ) throws(PolicyErrors) -> PolicySet {
    let documents = sources.map(ReadDocument.init)
    PolicySetRules(documents: documents, knownModels: knownModels).check()
    let diagnostics = documents.flatMap(\.log.diagnostics)
    guard !documents.contains(where: \.log.hasErrors) else {
      throw PolicyErrors(diagnostics: diagnostics)
    }
    var set = PolicySet(warnings: diagnostics)
    for document in documents.compactMap(\.document) {
      switch document {
      case .model(let model): set.models.append(model)
      case .rollout(let rollout): set.rollouts.append(rollout)
      }
    }
    return set
  }
}
