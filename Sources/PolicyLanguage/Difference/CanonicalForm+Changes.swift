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
        ? [] : [PolicyChange(.changed, subject, from: old.json, to: json)]
    }
    let keys = Set(before.keys).union(after.keys).subtracting(except).sorted()
    return keys.flatMap { key -> [PolicyChange] in
      let name = PolicySpelling.key(key)
      let path =
        subject.isEmpty
        ? name
        : subject.hasSuffix("'") || subject.contains(" ")
          ? "\(subject) \(name)" : "\(subject).\(name)"
      let (old, new) = (before[key] ?? nil, after[key] ?? nil)
      if case .object = old, case .object = new, let old, let new, key != "context" {
        return new.changes(from: old, in: path)
      }
      guard old?.json != new?.json else { return [] }
      return [
        PolicyChange(
          .changed, path, from: old.map { PolicySpelling.value($0, of: key, in: before) },
          to: new.map { PolicySpelling.value($0, of: key, in: after) })
      ]
    }
  }
}
