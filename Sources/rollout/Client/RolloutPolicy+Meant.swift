import Experimentation

extension [RolloutPolicy] {
  /// The one that a command is about: that of the name, or the only one.
  ///
  /// - Parameters:
  ///   - place: where they were read, for the message
  func meant(by name: RolloutName?, in place: String) throws(CommandFailure) -> RolloutPolicy {
    let names = map(\.name.text).sorted().joined(separator: ", ")
    if let name {
      guard let policy = first(where: { $0.name == name }) else {
        throw CommandFailure(
          .notFound, "there is no rollout '\(name)' in \(place)",
          remedy: names.isEmpty ? nil : "there are: \(names)")
      }
      return policy
    }
    guard let policy = first, count == 1 else {
      throw CommandFailure(
        .usage, "\(count) rollouts in \(place) could be meant",
        remedy: names.isEmpty
          ? "name a file of kind Rollout" : "name one with --rollout: \(names)")
    }
    return policy
  }
}
