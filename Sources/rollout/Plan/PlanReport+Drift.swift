import Experimentation
import PolicyLanguage

extension PlanReport.Drift {
  /// - Parameter sources: the files, one of which has the policy
  init(of policy: RolloutPolicy, live: ModelName, in sources: [PolicySource]) {
    (inFile, self.live) = (policy.incumbent, live)
    guard !policy.candidates.contains(live) else {
      hint =
        "'\(live)' was its candidate and is live now: the file has done its work; take it out, or "
        + "write the next candidates into it"
      return
    }
    patch = sources.lazy.compactMap { Self.patch($0, policy, live) }.first
  }

  /// Changes the one line that names the incumbent, if the file is the one of the policy and has
  /// it in a line of its own, as everybody writes it.
  private static func patch(
    _ source: PolicySource, _ policy: RolloutPolicy, _ live: ModelName
  ) -> String? {
    guard case .rollout(let read)? = try? PolicyParser.parse(source), read.name == policy.name
    else { return nil }
    let lines = source.text.split(separator: "\n", omittingEmptySubsequences: false)
    let key = "incumbent:"
    guard let place = lines.firstIndex(where: { $0.hasPrefix(key) }) else { return nil }
    let line = String(lines[place])
    let value = line.dropFirst(key.count)
    guard let range = value.firstRange(of: policy.incumbent.text) else { return nil }
    var mended = line
    mended.replaceSubrange(range, with: live.text)
    let number = place + 1
    return """
      --- a/\(source.file)
      +++ b/\(source.file)
      @@ -\(number) +\(number) @@
      -\(line)
      +\(mended)

      """
  }
}
