import ArgumentParser
import Console
import Experimentation

/// `rollout label`: a person says which of two answers is better.
struct LabelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "label",
    abstract: "Say which of two answers is better, so that a judge can be corrected.",
    discussion: """
      Shows judged pairs of a rollout whose policy asks for labels, one by one: a question and two \
      answers, in an order that was drawn once and tells nothing of whose they are. What you say \
      is kept with your name; the texts are forgotten when you have said it. With --json it lists \
      the pairs, with --pair and --prefer it labels one, for programs.

      EXAMPLE:
        rollout label assistant
        rollout label assistant --json
        rollout label assistant --pair 17 --prefer second --actor alice
      """)

  @Argument(help: "The rollout.")
  var name: RolloutArgument

  // `unconditional`: a number with a sign is a value, which is then told its range.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The pair to label, as --json lists it.", valueName: "number"))
  var pair: Int64?

  @Option(help: "Which answer is better: first, second or tie.")
  var prefer: LabelChoice?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("List pairs after this one.", valueName: "number"))
  var after: Int64?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many pairs --json lists, 1 to 50; 10 by default.", valueName: "n"))
  var limit: Int?

  @Option(help: ArgumentHelp("Who says so; else the name of the user.", valueName: "name"))
  var actor: String?

  @OptionGroup var control: ControlOptions

  func validate() throws {
    guard (pair == nil) == (prefer == nil) else {
      throw ValidationError("Say both --pair and --prefer, or neither.")
    }
    guard pair ?? 1 >= 1 else { throw ValidationError("--pair is at least 1.") }
    guard limit.map({ (1...LabelsResponse.maximumPairs).contains($0) }) ?? true, after ?? 0 >= 0
    else {
      throw ValidationError("--limit is in 1...\(LabelsResponse.maximumPairs), --after at least 0.")
    }
    guard limit == nil || (control.json && pair == nil) else {
      throw ValidationError("--limit is of the list that --json gives.")
    }
    guard after == nil || pair == nil else {
      throw ValidationError("--pair names the one pair; leave --after out.")
    }
    guard actor == nil || !control.json || pair != nil else {
      throw ValidationError("--json lists pairs, which nobody signs; leave --actor out.")
    }
  }

  func run() async throws {
    if let pair, let prefer {
      let answer = try await control.withClient {
        try await $0.label(request(pair, prefer), of: name.name)
      }
      try control.write(answer) { answer, _ in LabelText.sentence(answer) + "\n" }
    } else if control.json {
      Output.write(
        try Output.json(
          try await control.withClient {
            try await $0.labels(of: name.name, after: after ?? 0, limit: limit ?? 10)
          }))
    } else {
      try await control.withClient { try await ask($0) }
    }
  }

  private func request(_ pair: Int64, _ choice: LabelChoice) -> LabelRequest {
    LabelRequest(pair: pair, prefer: choice, actor: SignatureOptions.signer(actor))
  }

  /// Asks the person at the terminal, pair by pair, until none waits or they have had enough.
  private func ask(_ client: ControlClient) async throws {
    let text = LabelText(style: .standardOutput)
    var (after, said) = (after ?? 0, 0)
    while true {
      let page = try await client.labels(of: name.name, after: after, limit: 1)
      guard let pair = page.pairs.first else {
        Output.write(text.end(page, said: said))
        return
      }
      Output.write(text.text(of: pair, in: page))
      switch word() {
      case .quit: return
      case .skip: break
      case .choice(let choice):
        do {
          let answer = try await client.label(request(pair.pair, choice), of: name.name)
          Output.write(LabelText.sentence(answer) + "\n\n")
          said += 1
        } catch let failure as CommandFailure
          where failure.problem?.code == .conflict || failure.problem?.code == .notFound
        {
          // Somebody else was faster, or the rollout has ended meanwhile.
          Output.writeError(ProblemText(style: .standardError).text(of: failure))
        }
      }
      after = pair.pair
    }
  }

  private enum Word {
    case choice(LabelChoice)
    case skip
    case quit
  }

  /// What the person types, asked again until it is one of the letters; the end of input is `q`.
  private func word() -> Word {
    while true {
      Output.write(LabelText.question)
      guard let line = readLine() else { return .quit }
      switch line.lowercased().filter({ $0 != " " }) {
      case "1": return .choice(.first)
      case "2": return .choice(.second)
      case "t": return .choice(.tie)
      case "s": return .skip
      case "q": return .quit
      default: continue
      }
    }
  }
}

extension LabelChoice: ExpressibleByArgument {}
