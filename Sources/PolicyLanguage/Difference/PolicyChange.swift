/// One thing that a document means differently from another.
package struct PolicyChange: Hashable, Sendable, Codable {
  /// What the change does to the care with which a model is put into production.
  package enum Effect: String, Hashable, Sendable, Codable, CaseIterable {
    /// Less has to be shown, or less is done about it: what a reviewer must not miss.
    case loosened
    /// More has to be shown.
    case tightened
    /// Neither, or both.
    case changed
  }

  package var effect: Effect
  /// What it is about: `metric 'errors'`, `step 2`, `alpha`.
  package var subject: String
  /// What held before, in words; `nil` for what is new.
  package var before: String?
  /// What holds from now on; `nil` for what is gone.
  package var after: String?
  /// What follows from it, where that is not plain.
  package var note: String?

  package init(
    _ effect: Effect, _ subject: String, from before: String?, to after: String?,
    note: String? = nil
  ) {
    self.effect = effect
    self.subject = subject
    self.before = before
    self.after = after
    self.note = note
  }
}

extension PolicyChange: CustomStringConvertible {
  /// `metric 'errors': maxIncrease 0.5pp → 2pp`.
  package var description: String {
    let change =
      switch (before, after) {
      case (let before?, let after?): "\(before) → \(after)"
      case (nil, let after?): "new: \(after)"
      case (let before?, nil): "gone: \(before)"
      case (nil, nil): "changed"
      }
    return "\(subject): \(change)" + (note.map { " (\($0))" } ?? "")
  }
}

extension PolicyChange.Effect {
  /// Of an amount of which `less` is the laxer one.
  static func of<Amount: Comparable>(_ before: Amount, _ after: Amount, laxer: Laxer) -> Self {
    if before == after { return .changed }
    return (after < before) == (laxer == .less) ? .loosened : .tightened
  }

  /// Which way an amount has to move for less to be asked.
  enum Laxer { case less, more }
}
