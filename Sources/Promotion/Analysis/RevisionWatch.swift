import Experimentation

/// Which weights gave a run's answers, and whether they changed under it.
///
/// A name stands for the same model throughout a run, or what was shown of it was shown of two.
/// Once changed a run stays so: its earlier steps were passed by other weights, too.
struct RevisionWatch: Hashable, Sendable {
  /// The first of each model; answers that do not say are passed over.
  private var first: [ModelName: String] = [:]
  private var changed: [ModelName: String] = [:]

  mutating func note(_ measurements: Measurements, of model: ModelName) {
    guard let revision = measurements.revision else { return }
    guard let known = first[model] else {
      first[model] = revision
      return
    }
    if revision != known && changed[model] == nil { changed[model] = revision }
  }

  /// What changed, in a sentence, or `nil`.
  ///
  /// - Parameter inForce: what a model answers with from here on, where that is known
  func staleness(of models: [ModelName], inForce: (ModelName) -> String?) -> String? {
    for model in models {
      guard let known = first[model], let now = changed[model] ?? inForce(model), now != known
      else { continue }
      return "the evidence is stale: '\(model)' was \(Self.short(known)) and became "
        + "\(Self.short(now)) while it was gathered"
    }
    return nil
  }

  /// The beginning of a digest tells as much as all of it.
  private static func short(_ revision: String) -> String {
    let isDigest = revision.utf8.count == 64 && revision.allSatisfy(\.isHexDigit)
    return isDigest ? "\(revision.prefix(12))…" : "'\(revision.prefix(80))'"
  }
}
