package import Experimentation
package import Hummingbird
import HTTPTypes
package import PolicyLanguage
package import Promotion
package import Storage

/// The control plane over HTTP: what stands, what was decided, and commands.
///
/// Listens apart from the data plane, on this machine alone unless told otherwise: whoever reaches
/// it may give commands. Every command is signed, and the journal keeps the signature.
///
///     let router = Console(controller: controller, now: now).router()
///     let app = Application(router: router, configuration: …)
package struct Console: Sendable {
  let controller: Controller
  let now: @Sendable () -> Int64
  private let notes: @Sendable (ModelName) -> [String]
  private let trust: PolicyTrust
  private let copy: Copy?
  private let rates: @Sendable () -> [RouteName: RequestRate]
  let replies = CommandReplies()

  package typealias Copy = @Sendable (StorePart) async throws(StorageError) -> StoreCopy

  /// - Parameters:
  ///   - now: milliseconds since 1970, by the clock that journal entries are written with
  ///   - trust: whose policies are taken
  ///   - copy: makes copies of what the service keeps; `nil` for a service that makes none
  ///   - rates: how many requests routes have, as far as that is known
  ///   - notes: what operators should know of how a model is run, each in a sentence without its
  ///     subject
  package init(
    controller: Controller, trust: PolicyTrust = PolicyTrust(),
    now: @escaping @Sendable () -> Int64, copy: Copy? = nil,
    rates: @escaping @Sendable () -> [RouteName: RequestRate] = { [:] },
    notes: @escaping @Sendable (ModelName) -> [String] = { _ in [] }
  ) {
    self.controller = controller
    self.now = now
    self.trust = trust
    self.copy = copy
    self.rates = rates
    self.notes = notes
  }

  /// Every route under `/api/v1`, with its middleware.
  package func router() -> Router<ConsoleContext> {
    let router = Router(context: ConsoleContext.self)
    router.add(middleware: ErrorForm())
    router.add(middleware: BrowserGuard())
    let api = router.group("api/v1")
    api.get("status") { _, _ in try await JSONBody.response(status()) }
    api.get("policies") { _, _ in
      try await JSONBody.response(PoliciesResponse(controller.status(), rates: rates()))
    }
    api.get("rollouts") { _, _ in try await JSONBody.response(status().rollouts) }
    api.get("rollouts/:name") { _, context in
      try await JSONBody.response(rollout(context.rollout()))
    }
    for action in RolloutAction.allCases {
      api.post("rollouts/:name/\(action.rawValue)") { request, context in
        let name = try context.rollout()
        return try await once(request) { (body: CommandRequest, key) in
          try await perform(action, on: name, body, key)
        } recalling: { _, entries in
          CommandResponse(entries: entries, rollout: try await rollout(name))
        }
      }
    }
    api.post("apply") { request, _ in
      let isDry = try request.uri.queryParameters["dryRun"].map { try Self.flag($0) }
      return try await once(request) { (body: ApplyRequest, key) in
        var body = body
        if let isDry { body.dryRun = isDry }
        return try await apply(body, key)
      } recalling: { body, entries in
        try await answer(to: body, entries: entries)
      }
    }
    api.get("history") { request, _ in
      let rollout = try request.uri.queryParameters["rollout"].map { try Self.name($0) }
      return try await JSONBody.response(history(of: rollout))
    }
    addLabels(to: api)
    api.get("audit") { _, _ in try await JSONBody.response(audit()) }
    api.get("rollouts/:name/export") { request, context in
      let export = try await export(of: context.rollout(), request.uri.queryParameters)
      return export.response(from: controller.outcomes, labels: controller.labels)
    }
    if let copy {
      for part in StorePart.allCases {
        api.post("backup/\(part.rawValue)") { _, _ in
          do throws(StorageError) { return Backup.response(try await copy(part)) } catch {
            throw ErrorResponse.Problem(error)
          }
        }
      }
    }
    return router
  }

  private func status() async -> StatusResponse {
    StatusResponse(await controller.status(), nowMilliseconds: now(), notes: notes)
  }

  private func rollout(_ name: RolloutName) async throws -> RolloutResponse {
    let status = await controller.status()
    guard
      let rollout = RolloutResponse(name, in: status, nowMilliseconds: now(), notes: notes)
    else {
      throw Self.noRollout(name.text)
    }
    return rollout
  }

  private func perform(
    _ action: RolloutAction, on name: RolloutName, _ request: CommandRequest,
    _ key: IdempotencyKey?
  ) async throws -> CommandResponse {
    let signature = try Signature(actor: request.actor, reason: request.reason)
    if action != .promote && (request.force || request.model != nil) {
      throw ConsoleError(.invalid, "'force' and 'model' belong to a promotion")
    }
    if request.generation != nil && (action == .abort || action == .rollback) {
      throw ConsoleError(.invalid, "going back asks for no 'generation'")
    }
    let command: Command =
      switch action {
      case .promote: .promote(name, model: request.model, force: request.force)
      case .abort: .abort(name)
      case .rollback: .rollBack(name)
      case .approve: .approve(name)
      case .pause: .pause(name)
      case .resume: .resume(name)
      }
    let entries = try await perform(command, signature, generation: request.generation, key)
    return CommandResponse(entries: entries, rollout: try await rollout(name))
  }

  private func apply(
    _ request: ApplyRequest, _ key: IdempotencyKey?
  ) async throws -> ApplyResponse {
    let signature = try Signature(actor: request.actor, reason: request.reason)
    let state = await controller.status().state
    let policies = try PolicySet(of: request.files, in: state)
    let command = Command.apply(
      models: policies.models, rollouts: policies.rollouts,
      origin: try origin(of: policies, request))
    let entries =
      request.dryRun ? try await rehearse(command) : try await perform(command, signature, key)
    return ApplyResponse(
      dryRun: request.dryRun, changes: policies.changes(to: state), entries: entries,
      warnings: policies.warnings)
  }

  /// The answer to an application that was carried out before, which changes nothing any more.
  private func answer(
    to request: ApplyRequest, entries: [HistoryResponse.Entry]
  ) async throws -> ApplyResponse {
    let state = await controller.status().state
    let policies = try PolicySet(of: request.files, in: state)
    return ApplyResponse(
      dryRun: false, changes: policies.changes(to: state), entries: entries,
      warnings: policies.warnings)
  }

  /// Where the policies come from, if somebody whom the service trusts answers for them.
  private func origin(
    of policies: PolicySet, _ request: ApplyRequest
  ) throws(ErrorResponse.Problem) -> PolicyOrigin {
    do {
      return PolicyOrigin(
        digest: policies.digest, commit: try request.gitCommit(),
        seal: try trust.seal(of: policies, request.signature, now: now()))
    } catch let refusal as PolicyTrust.Refusal {
      throw ErrorResponse.Problem(
        refusal.isOfAudience ? .wrongAudience : .notTrusted, refusal.message,
        remedy: refusal.remedy)
    } catch let problem as ErrorResponse.Problem {
      throw problem
    } catch {
      throw ErrorResponse.Problem(.internalError, "the signature could not be checked: \(error)")
    }
  }

  /// Has `command` refused where it would be, and nothing else.
  private func rehearse(
    _ command: Command
  ) async throws(ErrorResponse.Problem) -> [HistoryResponse.Entry] {
    do {
      _ = try ControlState(folding: await entries(of: nil)).events(for: command)
      return []
    } catch let refusal as CommandRefusal {
      throw ErrorResponse.Problem(refusal)
    } catch let problem as ErrorResponse.Problem {
      throw problem
    } catch {
      throw ErrorResponse.Problem(.internalError, "the dry run failed: \(error)")
    }
  }

  private func history(of rollout: RolloutName?) async throws -> HistoryResponse {
    let entries = try await entries(of: rollout)
    let latest = entries.suffix(HistoryResponse.maximumEntries)
    return HistoryResponse(
      entries: latest.map(HistoryResponse.Entry.init), omitted: entries.count - latest.count)
  }

  private func entries(
    of rollout: RolloutName?
  ) async throws(ErrorResponse.Problem) -> [JournalEntry] {
    do {
      return try await controller.history(of: rollout)
    } catch {
      throw ErrorResponse.Problem(error)
    }
  }

  private func perform(
    _ command: Command, _ signature: Signature, generation: Int64? = nil, _ key: IdempotencyKey?
  ) async throws(ErrorResponse.Problem) -> [HistoryResponse.Entry] {
    do {
      return try await controller.perform(
        command, actor: signature.actor, reason: signature.reason, generation: generation, key: key
      ).map(HistoryResponse.Entry.init)
    } catch {
      throw ErrorResponse.Problem(error)
    }
  }

  private func audit() async throws(ErrorResponse.Problem) -> AuditResponse {
    do { return AuditResponse(try await controller.audit()) } catch {
      throw ErrorResponse.Problem(error)
    }
  }

  /// The export that a request asks for: of the latest run, outcomes, as JSON lines unless it says
  /// otherwise.
  private func export(
    of name: RolloutName, _ parameters: Parameters
  ) async throws -> Export {
    let runs = try await controller.runs().filter { $0.rollout == name }.map(\.run)
    let latest = await controller.status().state.rollouts[name]?.run ?? runs.max()
    guard let latest else { throw Self.noRollout(name.text) }
    let asked = try parameters["run"].map { text throws(ConsoleError) in
      guard let run = Int(text), run == latest || runs.contains(run) else {
        let known = Set(runs + [latest]).sorted().map(String.init).joined(separator: ", ")
        throw ConsoleError(.notFound, "'\(name)' has no such run", remedy: "there are: \(known)")
      }
      return run
    }
    return Export(
      of: RunID(rollout: name, run: asked ?? latest),
      try Self.choice(parameters["kind"], "kind", default: .outcomes),
      as: try Self.choice(parameters["format"], "format", default: .jsonl))
  }

  private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ text: Substring?, _ name: String, default: Choice
  ) throws(ConsoleError) -> Choice {
    guard let text else { return `default` }
    guard let choice = Choice(rawValue: String(text)) else {
      let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw ConsoleError(.invalid, "'\(name)' is none of \(known)")
    }
    return choice
  }

  private static func flag(_ text: Substring) throws(ConsoleError) -> Bool {
    switch text {
    case "true", "1", "": true
    case "false", "0": false
    default: throw ConsoleError(.invalid, "'dryRun' is neither true nor false")
    }
  }

  fileprivate static func name(_ text: Substring) throws(ConsoleError) -> RolloutName {
    guard let name = RolloutName(text) else { throw noRollout(String(text)) }
    return name
  }

  static func noRollout(_ name: String) -> ConsoleError {
    ConsoleError(
      .notFound, "there is no rollout '\(PlainText.escaping(String(name.prefix(63))))'",
      remedy: "list them: rollout status")
  }
}

/// What a request of the console carries along.
package struct ConsoleContext: RequestContext {
  package var coreContext: CoreRequestContextStorage

  package init(source: Source) { coreContext = CoreRequestContextStorage(source: source) }
}

extension ConsoleContext {
  func rollout() throws(ConsoleError) -> RolloutName {
    try Console.name(parameters.get("name").map { $0[...] } ?? "")
  }
}
