package import Experimentation

extension ModelSpecification {
  /// What this model is differently from `old`: `engine.attention.window: 508 → 1024`.
  package func changes(from old: ModelSpecification) -> [PolicyChange] {
    canonicalForm.changes(from: old.canonicalForm, except: ["apiVersion", "kind", "name"])
  }
}

extension CanonicalForm {
  /// What is different, key by key, with its path as the subject.
  ///
  /// - Parameters:
  ///   - except: keys of the outermost object that are not looked at
  ///   - subject: what the paths begin with
  func changes(
    from old: CanonicalForm, except: Set<String> = [], in subject: String = ""
  ) -> [PolicyChange] {
    guard case .object(let before) = old, case .object(let after) = self else {
      return json == old.json
        ? [] : [PolicyChange(.changed, subject, from: old.inWords, to: inWords)]
    }
    let keys = Set(before.keys).union(after.keys).subtracting(except).sorted()
    return keys.flatMap { key -> [PolicyChange] in
      let path =
        subject.isEmpty
        ? key
        : subject.hasSuffix("'") || subject.contains(" ")
          ? "\(subject) \(key)" : "\(subject).\(key)"
      switch (before[key] ?? nil, after[key] ?? nil) {
      case (nil, nil): return []
      case (let old?, let new?): return new.changes(from: old, in: path)
      case (nil, let new?): return [PolicyChange(.changed, path, from: nil, to: new.inWords)]
      case (let old?, nil): return [PolicyChange(.changed, path, from: old.inWords, to: nil)]
      }
    }
  }

  /// Without quotes where it is one word.
  private var inWords: String {
    if case .text(let text) = self { return text }
    return json
  }
}
