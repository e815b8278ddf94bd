import Experimentation
import Foundation
import Simulation

/// A story for programs and for people.
struct StoryReport: Encodable {
  struct Line: Encodable {
    let hours: Double
    let text: String
    let reasons: [String]
  }

  struct Meeting: Encodable {
    let users: Int
    let first: Int
    let second: Int
    let both: Int
  }

  struct Regret: Encodable {
    let seconds: Double
    let ofIncumbent: Double
    let ofCandidate: Double
  }

  struct Votes: Encodable {
    let all: Int
    let ofCandidate: Int
    let ofFirstPlace: Int
  }

  let scenario: String
  let seed: UInt64
  let status: String?
  let endedAtHours: Double?
  let requests: Int
  let candidateRequests: Int
  let lostRequests: Int
  let lives: Int
  /// Of users of two rollouts; `nil` where there is one.
  let meeting: Meeting?
  /// Of a bandit; `nil` without one.
  let regret: Regret?
  /// Of interleaved answers; `nil` without them.
  let votes: Votes?
  let lines: [Line]
  let violations: [String]

  init(_ story: Story) {
    scenario = story.scenario
    seed = story.seed
    status = story.status?.rawValue
    endedAtHours = story.endedAtHours
    requests = story.requests
    candidateRequests = story.candidateRequests
    lostRequests = story.lostRequests
    lives = story.lives
    meeting = story.meeting.map {
      Meeting(users: $0.users, first: $0.first, second: $0.second, both: $0.both)
    }
    regret = story.regret.map {
      Regret(
        seconds: $0.seconds, ofIncumbent: $0.ofIncumbent, ofCandidate: $0.ofCandidate)
    }
    votes = story.votes.map {
      Votes(all: $0.all, ofCandidate: $0.ofCandidate, ofFirstPlace: $0.ofFirstPlace)
    }
    lines = story.lines.map { Line(hours: $0.hours, text: $0.text, reasons: $0.reasons) }
    violations = story.violations.map(\.description)
  }

  /// - Parameter isVerbose: whether each decision is followed by what it was based on
  func text(_ style: Style, summary: String, isVerbose: Bool) -> String {
    var text = style.paint("\(scenario), seed \(seed)", .bold) + "\n\(summary)\n\n"
    for line in lines {
      text += style.paint(Self.time(line.hours), .faint) + "  \(line.text.escaped)\n"
      guard isVerbose else { continue }
      text += line.reasons.map { "           \($0.escaped)\n" }.joined()
    }
    let end = status.map { RolloutStatus(rawValue: $0)?.rawValue ?? $0 } ?? "not begun"
    text += "\nthe rollout is \(end)"
    text += endedAtHours.map { " after \(Self.time($0))" } ?? ""
    text += "; \(Numbers.count(requests)) requests, \(Numbers.count(candidateRequests)) of them "
    text += votes == nil ? "answered by the candidate" : "with choices of the candidate"
    text += lives > 1 ? "; \(lives) lives of the service\n" : "\n"
    if let meeting {
      text += "of \(Numbers.count(meeting.users)) users \(Numbers.count(meeting.first)) "
      text += "took part in the rollout, \(Numbers.count(meeting.second)) in the other one, "
      text += "\(Numbers.count(meeting.both)) in both\n"
    }
    if let regret {
      text += "waiting that the best model for each prompt would have saved: "
      text += "\(Numbers.seconds(regret.seconds)) in all; with the incumbent alone "
      text += "\(Numbers.seconds(regret.ofIncumbent)), with the candidate alone "
      text += "\(Numbers.seconds(regret.ofCandidate))\n"
    }
    if let votes {
      text += "of \(Numbers.count(votes.all)) choices that users took "
      text += "\(Numbers.count(votes.ofCandidate)) were the candidate's, "
      text += "\(Numbers.count(votes.ofFirstPlace)) stood first\n"
    }
    for violation in violations { text += style.paint("violated: \(violation)", .red) + "\n" }
    return text
  }

  /// `1:05:30`.
  static func time(_ hours: Double) -> String {
    let seconds = Int((hours * 3_600).rounded())
    return String(
      format: "%3d:%02d:%02d", seconds / 3_600, seconds / 60 % 60, seconds % 60)
  }
}

/// How many worlds of one scenario ended how, and when.
struct StoryCounts: Encodable {
  let scenario: String
  let seed: UInt64
  let runs: Int
  /// By status.
  let ends: [String: Int]
  /// Median hours until the rollout ended; `nil` while most have not.
  let medianHours: Double?
  /// Seeds in which something happened that never may.
  let failures: [UInt64]

  init(_ stories: [Story], of scenario: Scenario, seed: UInt64) {
    self.scenario = scenario.name
    self.seed = seed
    runs = stories.count
    ends = stories.reduce(into: [:]) { $0[$1.status?.rawValue ?? "not begun", default: 0] += 1 }
    let hours = stories.compactMap(\.endedAtHours).sorted()
    let middle = (stories.count - 1) / 2
    medianHours = hours.indices.contains(middle) ? hours[middle] : nil
    failures = stories.filter { !$0.violations.isEmpty }.map(\.seed)
  }

  func text(_ style: Style) -> String {
    let counts = ends.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    var text = "\(scenario): \(runs) worlds from seed \(seed): " + counts.joined(separator: ", ")
    text += medianHours.map { "; half ended by\(StoryReport.time($0))" } ?? ""
    text += "\n"
    for seed in failures { text += style.paint("violated in seed \(seed)", .red) + "\n" }
    return text
  }
}

/// How many races ended how.
struct RaceReport: Encodable {
  struct Failure: Encodable {
    let seed: UInt64
    let violations: [String]
    let trace: [String]
  }

  let seeds: Int
  /// Lives of the service in all races together.
  let lives: Int
  /// How the first run ended, by status.
  let ends: [String: Int]
  let seconds: Double
  let failures: [Failure]

  init(_ endings: [Race.Ending], seconds: Double) {
    seeds = endings.count
    lives = endings.reduce(0) { $0 + $1.lives }
    ends = endings.reduce(into: [:]) { $0[$1.status?.rawValue ?? "not begun", default: 0] += 1 }
    self.seconds = seconds
    failures = endings.filter { !$0.violations.isEmpty }.map {
      Failure(seed: $0.seed, violations: $0.violations.map(\.description), trace: $0.trace)
    }
  }

  func text(_ style: Style) -> String {
    let counts = ends.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    var text = "\(Numbers.count(seeds)) races, \(Numbers.count(lives)) lives: "
    text += counts.joined(separator: ", ") + "; \(Numbers.seconds(seconds))\n"
    for failure in failures.prefix(5) {
      text += style.paint("seed \(failure.seed)", .red) + "\n"
      text += (failure.violations + failure.trace).map { "  \($0.escaped)\n" }.joined()
    }
    if failures.isEmpty { text += style.paint("I1–I7 held at every step", .green) + "\n" }
    return text
  }
}
