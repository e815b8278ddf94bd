package import Experimentation

/// What happened in a simulated world, and whether anything did that never may.
package struct Story: Hashable, Sendable {
  /// One thing that happened.
  package struct Line: Hashable, Sendable {
    /// Since the world began.
    package var hours: Double
    package var text: String
    /// What it was decided on, a sentence a gate.
    package var reasons: [String] = []
  }

  /// Users of two rollouts.
  package struct Meeting: Hashable, Sendable {
    /// Who asked anything.
    package var users = 0
    /// Who took part in the rollout, in the other one, in both.
    package var first = 0
    package var second = 0
    package var both = 0
  }

  /// Expected seconds of waiting that the best model for each prompt would have saved.
  package struct Regret: Hashable, Sendable {
    package var seconds = 0.0
    /// The same if one model had answered all of them: the incumbent, the candidate.
    package var ofIncumbent = 0.0
    package var ofCandidate = 0.0
  }

  /// What users took of answers with several choices, as far as the service heard of it.
  package struct Votes: Hashable, Sendable {
    package var all = 0
    /// Of any candidate, where there are several.
    package var ofCandidate = 0
    /// That stood in the first place.
    package var ofFirstPlace = 0
  }

  package var scenario: String
  package var seed: UInt64
  package var lines: [Line] = []
  /// How the rollout stands at the end; `nil` if it never began.
  package var status: RolloutStatus?
  /// When it ended; `nil` while it has not.
  package var endedAtHours: Double?
  /// Live requests, and those of them that a candidate answered, or gave choices to.
  package var requests = 0
  package var candidateRequests = 0
  /// Who took part in what, where there are two rollouts.
  package var meeting: Meeting?
  /// What a bandit's shares cost; `nil` without a bandit.
  package var regret: Regret?
  /// `nil` where answers are of one model each.
  package var votes: Votes?
  /// Requests that a dead process answered nobody.
  package var lostRequests = 0
  /// Lives of the service, 1 without a crash.
  package var lives = 0
  package var violations: [Invariants.Violation] = []
}
