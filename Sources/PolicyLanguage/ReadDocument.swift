import Experimentation

/// What could be read of one file, with the mistakes met on the way.
///
/// The names that tie it to other files are kept even when the rest has mistakes, so that one
/// misspelt key does not make every other file's reference unknown as well.
struct ReadDocument {
  let log: DiagnosticLog
  /// `nil` when there are errors.
  private(set) var document: PolicyDocument?
  private(set) var modelName: Placed<ModelName>?
  private(set) var references = RolloutDocument.References()

  init(_ source: PolicySource) {
    log = DiagnosticLog(source)
    let bytes = source.text.utf8.count
    guard bytes <= PolicySource.maximumBytes else {
      log.report(
        .fileTooLarge, at: .start,
        "\(bytes) bytes are more than \(PolicySource.maximumBytes); the file was not read")
      return
    }
    let scanned = LexicalScan.scan(source.text, log: log)
    log.settleLines()
    guard let scanned, let root = YAMLTree.read(scanned, log: log) else { return }
    read(root)
    if log.hasErrors { document = nil }
  }

  private mutating func read(_ root: PolicyNode) {
    guard case .mapping = root.content else {
      log.report(
        .wrongKind, at: root.position, "a policy must be a mapping of keys, found \(root.kind)",
        hint: "begin with 'apiVersion: \(PolicyParser.apiVersion)'")
      return
    }
    checkVersion(root)
    guard let node = root.value(of: ModelKey.kind) else {
      log.report(
        .missingKey, at: root.position, "missing key 'kind' in the document",
        hint: "write 'kind: Model' or 'kind: Rollout'")
      return
    }
    switch node.choice("the kind of document", among: Kind.allCases, log) {
    case .model:
      guard let reader = ModelDocument(root, log: log) else { return }
      modelName = reader.name()
      document = reader.model(named: modelName?.value).map(PolicyDocument.model)
    case .rollout:
      guard let reader = RolloutDocument(root, log: log) else { return }
      references = reader.references()
      document = reader.rollout(references).map(PolicyDocument.rollout)
    case nil: return
    }
  }

  /// A version that is not there is a missing key of the document.
  private func checkVersion(_ root: PolicyNode) {
    guard let node = root.value(of: ModelKey.apiVersion) else { return }
    if case .scalar(let scalar) = node.content, scalar.isEmptyPlain { return }
    let expected = "the version of the language"
    guard let text = node.scalar(expected, log)?.text, text != PolicyParser.apiVersion else {
      return
    }
    node.refuseChoice(text, expected, of: [PolicyParser.apiVersion], log)
  }

  /// The kinds of document.
  enum Kind: String, CaseIterable {
    case model = "Model"
    case rollout = "Rollout"
  }
}
