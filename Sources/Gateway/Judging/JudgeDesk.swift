import Backends
import Experimentation
import OpenAIAPI
import Quality
import Synchronization

/// Asks a judge which of two answers is better, as far as it may be asked.
///
/// Runs within the task of the shadow whose answer it is about, after that has freed its place: a
/// judge that is slow holds up no shadow. A pair that comes while as many are looked at as may be
/// is not judged; nothing waits for a judge but what it is asked about.
final class JudgeDesk: Sendable {
  private let backends: BackendRegistry
  private let metrics: GatewayMetrics
  private let deadline: Duration
  private let makeNonce: @Sendable () -> String
  private let wallClock: @Sendable () -> Int64
  private let ledger = Mutex(SideLedger())

  /// - Parameters:
  ///   - deadline: for each of the two questions
  ///   - makeNonce: something that nobody can guess, without spaces
  init(
    backends: BackendRegistry, metrics: GatewayMetrics, deadline: Duration,
    makeNonce: @escaping @Sendable () -> String, wallClock: @escaping @Sendable () -> Int64
  ) {
    self.backends = backends
    self.metrics = metrics
    self.deadline = deadline
    self.makeNonce = makeNonce
    self.wallClock = wallClock
  }

  /// How much the candidate's answer is preferred, 0…1; `nil` when it was not judged.
  ///
  /// - Parameter judged: is told of a verdict and what it was about before the judge's place is
  ///   free again
  func preference(
    _ prompt: Call.Prompt, incumbent: String, candidate: String, by judge: JudgePolicy,
    requestID: String, judged: (Double, JudgedTexts) async -> Void
  ) async -> Double? {
    guard let question = prompt.readable else { return skip(judge, .notText) }
    guard let sheet = JudgeSheet(question: question, first: incumbent, second: candidate) else {
      return skip(judge, .tooLong)
    }
    guard let backend = backends.backend(for: judge.model) else { return skip(judge, .noBackend) }
    let day = wallClock() / 86_400_000
    if let refusal = ledger.withLock({ $0.enter(judge, day: day) }) {
      return skip(judge, JudgeOutcome(refusal))
    }
    var tokens = 0
    defer {
      ledger.withLock { [tokens] in $0.leave(judge.model, tokens: tokens) }
      metrics.judgeSpent(judge.model, tokens: tokens)
    }
    var verdicts: [JudgeVerdict] = []
    for sheet in [sheet, sheet.swapped] {
      let nonce = makeNonce()
      let call = Call(
        .chat(sheet.request(to: judge.model.text, rubric: judge.rubric, nonce: nonce)),
        requestID: requestID, priority: .shadow, deadline: .now + deadline)
      let result = await AnswerObservation.observe(call, of: backend)
      // A server that counts nothing spends all the same: by and large a token has three bytes.
      tokens += result.measurements.promptTokens ?? (sheet.byteCount + judge.rubric.utf8.count) / 3
      tokens += result.measurements.outputTokens ?? result.text.utf8.count / 3 + 1
      if result.measurements.failure != nil { return skip(judge, .failed) }
      guard let verdict = JudgeVerdict(result.text, nonce: nonce) else {
        return skip(judge, .unparsed)
      }
      verdicts.append(verdict)
    }
    let (value, kind) = JudgedPair.preference(direct: verdicts[0], swapped: verdicts[1])
    metrics.judged(judge.model, JudgeOutcome(kind))
    await judged(
      value, JudgedTexts(question: question, incumbent: incumbent, candidate: candidate))
    return value
  }

  private func skip(_ judge: JudgePolicy, _ reason: JudgeOutcome) -> Double? {
    metrics.judged(judge.model, reason)
    return nil
  }
}

extension Call.Prompt {
  /// What was asked, for a reader; `nil` where it is more than text.
  fileprivate var readable: String? {
    switch self {
    case .chat(let request):
      guard let messages = try? request.textMessages() else { return nil }
      if messages.count == 1 { return messages[0].text }
      return messages.map { "\($0.role.rawValue): \($0.text)" }.joined(separator: "\n\n")
    case .text(let request):
      switch request.prompt {
      case .text(let text): return text
      case .texts(let texts): return texts.count == 1 ? texts[0] : nil
      case .tokens, .tokenLists: return nil
      }
    }
  }
}
