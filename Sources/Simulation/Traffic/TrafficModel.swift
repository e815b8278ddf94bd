import Foundation
import Experimentation

/// What is true of a simulated model's answers.
package struct ModelTruth: Hashable, Sendable {
  /// 0…1
  package var errorRate = 0.01
  /// Of whole answers; latencies are lognormal.
  package var medianSeconds = 0.8
  /// σ of ln seconds.
  package var spread = 0.5
  /// What p99 is multiplied by; p95 and below stay, and between them it grows in a line.
  package var tailFactor = 1.0
  /// How the time hangs on the prompt besides, in ln seconds a standard deviation of ln tokens:
  /// below 0 it is quick on long prompts and slow on short ones.
  package var promptSlope = 0.0
  /// Mean share of tokens on which it agrees with the incumbent, 0…1; Beta with concentration 20.
  package var agreement = 0.97
  /// How likely users are to take its choice, beside one of appeal 1.
  package var appeal = 1.0

  package init(
    errorRate: Double = 0.01, medianSeconds: Double = 0.8, spread: Double = 0.5,
    tailFactor: Double = 1, agreement: Double = 0.97
  ) {
    self.errorRate = errorRate
    self.medianSeconds = medianSeconds
    self.spread = spread
    self.tailFactor = tailFactor
    self.agreement = agreement
  }
}

extension ModelTruth {
  /// The expected seconds of an answer to a prompt, before anything that befalls all models.
  ///
  /// - Parameter prompt: the standard normal number that belongs to it
  func expectedSeconds(prompt: Double) -> Double {
    let own = 0.8 * spread
    return medianSeconds * exp((0.6 * spread + promptSlope) * prompt + own * own / 2)
  }
}

/// Something that befalls the whole platform, incumbent and candidate alike.
package struct Incident: Hashable, Sendable {
  package var fromHours: Double
  package var toHours: Double
  /// Added to every model's error rate.
  package var addedErrors: Double
  /// What every latency is multiplied by.
  package var slowdown: Double

  package init(fromHours: Double, toHours: Double, addedErrors: Double = 0, slowdown: Double = 1) {
    self.fromHours = fromHours
    self.toHours = toHours
    self.addedErrors = addedErrors
    self.slowdown = slowdown
  }
}

/// The requests of a simulated day: how many, of whom, and what befalls them.
package struct TrafficModel: Hashable, Sendable {
  /// Mean over the day.
  package var requestsPerSecond = 4.0
  /// Users, who each come back; some come oftener than others.
  package var users = 5_000
  /// How far the hourly rate swings around its mean, 0…1; latencies swing by a quarter of it.
  package var diurnalSwing = 0.4
  /// Answers that take twenty times as long, whoever gives them.
  package var stragglerShare = 0.001
  package var incidents: [Incident] = []
  /// The service tries again no longer than this; a slower answer is a failure.
  package var deadlineSeconds = 60.0
  /// That each request asks for.
  package var choices = 1
  /// How likely users are to take the first choice, beside an equal one in another place.
  package var firstPlaceAppeal = 1.0

  package init() {}

  /// sin of the time of day: the world begins at dawn.
  private func day(_ hours: Double) -> Double { sin(2 * .pi * hours / 24) }

  /// Requests that come in the second that begins at `hours`.
  func requests(at hours: Double, _ draws: inout Draws) -> Int {
    let rate = requestsPerSecond * (1 + diurnalSwing * day(hours))
    // Poisson by counting exponential gaps (Knuth); rates are small.
    var (left, count) = (rate, -1)
    while left > 0, count < 10_000 {
      left += log(1 - draws.uniform())
      count += 1
    }
    return max(0, count)
  }

  /// How long a prompt is: lognormal around 200 tokens.
  func promptTokens(prompt: Double) -> Int { min(max(1, Int(200 * exp(prompt))), 8_000) }

  /// The place of the choice that a user takes.
  ///
  /// - Parameter appeals: of each choice, at least one
  func taken(of appeals: [Double], _ draws: inout Draws) -> Int {
    var weights = appeals
    weights[0] *= firstPlaceAppeal
    var draw = draws.uniform() * weights.reduce(0, +)
    return weights.firstIndex { weight in
      draw -= weight
      return draw < 0
    } ?? 0
  }

  /// What one answer of a model measures.
  ///
  /// - Parameters:
  ///   - prompt: a standard normal number that belongs to the prompt: both models of a pair share
  ///     it
  func answer(
    of truth: ModelTruth, at hours: Double, prompt: Double, _ draws: inout Draws
  ) -> Measurements {
    let present = incidents.filter { hours >= $0.fromHours && hours < $0.toHours }
    let errorRate = present.reduce(truth.errorRate) { $0 + $1.addedErrors }
    // Of the spread, prompts make about a third of the variance, as a correlation of 0.6 has it.
    let z = 0.6 * prompt + 0.8 * draws.normal()
    var seconds =
      truth.medianSeconds * exp(truth.spread * z + truth.promptSlope * prompt)
      * (1 + diurnalSwing / 4 * day(hours))
    let rank = normalShare(below: z)
    if rank > 0.95 { seconds *= 1 + (truth.tailFactor - 1) * (rank - 0.95) / 0.04 }
    for incident in present { seconds *= incident.slowdown }
    if draws.chance(stragglerShare) { seconds *= 20 }
    let promptTokens = promptTokens(prompt: prompt)
    if draws.chance(errorRate) {
      return Measurements(
        totalSeconds: min(seconds, deadlineSeconds), promptTokens: promptTokens,
        failure: .unavailable)
    }
    if seconds > deadlineSeconds {
      return Measurements(
        totalSeconds: deadlineSeconds, promptTokens: promptTokens, failure: .deadlineExceeded)
    }
    let tokens = min(max(2, Int(60 * exp(0.5 * prompt))), 1_000)
    return Measurements(
      timeToFirstTokenSeconds: seconds * 0.2,
      timePerOutputTokenSeconds: seconds * 0.8 / Double(tokens - 1), totalSeconds: seconds,
      promptTokens: promptTokens, outputTokens: tokens, finishReason: "stop")
  }
}
