import Experimentation
import Hummingbird
import Promotion
import Storage

extension Console {
  /// The routes by which people label what a judge has said.
  func addLabels(to api: RouterGroup<ConsoleContext>) {
    api.get("rollouts/:name/labels") { request, context in
      try await JSONBody.response(
        labels(of: context.rollout(), request.uri.queryParameters))
    }
    api.post("rollouts/:name/labels") { request, context in
      let name = try context.rollout()
      let body = try JSONBody.decode(LabelRequest.self, from: await JSONBody.read(request))
      return try await JSONBody.response(label(body, on: name))
    }
  }

  private func labels(
    of name: RolloutName, _ parameters: Parameters
  ) async throws -> LabelsResponse {
    let run = try await runToLabel(name, isForList: true)
    let limit = try Self.number(parameters["limit"], "limit") ?? 10
    guard (1...Int64(LabelsResponse.maximumPairs)).contains(limit) else {
      throw ConsoleError(
        .invalid, "'limit' is not in 1…\(LabelsResponse.maximumPairs)")
    }
    let after = try Self.number(parameters["after"], "after") ?? 0
    return try await Self.asking {
      () async throws(StorageError) in
      let counts = try await controller.labels.labelCounts(of: name, run: run)
      let pairs = try await controller.labels.waiting(
        of: name, run: run, after: after, limit: Int(limit))
      return LabelsResponse(
        rollout: name, run: run, waiting: counts.waiting, labelled: counts.labelled,
        pairs: pairs.map { row in
          let answers = row.value.answers
          return LabelsResponse.Pair(
            pair: row.sequence, question: row.value.question, first: answers.first,
            second: answers.second)
        })
    }
  }

  /// Once: a label that is sent again by who gave it is the same, and another's is refused, so that
  /// a lost answer costs no more than a second request.
  private func label(
    _ request: LabelRequest, on name: RolloutName
  ) async throws -> LabelResponse {
    let signature = try Signature(actor: request.actor, reason: nil)
    let run = try await runToLabel(name)
    let receipt = try await Self.asking { () async throws(StorageError) in
      try await controller.labels.label(
        request.pair, of: name, run: run, as: request.prefer, by: signature.actor,
        atMilliseconds: now())
    }
    let status: LabelResponse.Status
    switch receipt {
    case .recorded: status = .recorded
    case .unchanged: status = .unchanged
    case .taken(let actor):
      throw ConsoleError(
        .conflict, "pair \(request.pair) was labelled by '\(PlainText.escaping(actor))'",
        remedy: "a label stands once it is given; take another pair")
    case .unknown:
      throw ConsoleError(
        .notFound, "no pair \(request.pair) of '\(name)', run \(run), waits for a label",
        remedy: "list them: rollout label \(name) --json")
    }
    let counts = try await Self.asking { () async throws(StorageError) in
      try await controller.labels.labelCounts(of: name, run: run)
    }
    return LabelResponse(
      pair: request.pair, status: status, waiting: counts.waiting, labelled: counts.labelled)
  }

  /// The latest run of a rollout whose judge's word is labelled, without pairs of candidates that
  /// have left it.
  private func runToLabel(
    _ name: RolloutName, isForList: Bool = false
  ) async throws -> Int {
    guard let rollout = await controller.status().state.rollouts[name] else {
      throw Self.noRollout(name.text)
    }
    guard rollout.policy.judge?.labels != nil else {
      throw ConsoleError(
        .notFound, "rollout '\(name)' keeps no pairs for people to label",
        remedy: "ask for them in its policy: judge: { …, labels: 100 }")
    }
    // A label that is sent again is the same, also when the run has ended meanwhile.
    guard !isForList || rollout.status.isLive || rollout.status == .pending else {
      throw ConsoleError(
        .conflict, "rollout '\(name)' has ended: its pairs need no label any more",
        remedy: "see how it ended: rollout status \(name)")
    }
    // What came since the last time that old texts were looked for is neither shown nor labelled.
    try await Self.asking { () async throws(StorageError) in
      try await controller.forgetDroppedTexts(of: rollout)
    }
    return rollout.run
  }

  private static func asking<Value>(
    _ body: () async throws(StorageError) -> Value
  ) async throws(ErrorResponse.Problem) -> Value {
    do { return try await body() } catch { throw ErrorResponse.Problem(error) }
  }

  private static func number(_ text: Substring?, _ name: String) throws -> Int64? {
    guard let text else { return nil }
    guard let number = Int64(text), number >= 0 else {
      throw ConsoleError(.invalid, "'\(name)' is no whole number")
    }
    return number
  }
}
