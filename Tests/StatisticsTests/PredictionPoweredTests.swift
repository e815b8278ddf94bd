import Testing

@testable import Statistics

/// Means of labels, with a judge's word on many more pairs beside them.
@Suite struct PredictionPoweredTests {
  struct Reference: Decodable {
    struct Mean: Decodable {
      let name: String
      let labels: [Double]
      let predictions: [Double]
      let unlabelled: [Double]
      let confidence: Double
      let tuning: Double
      let estimate: Double
      let lower: Double
      let upper: Double
    }
    let means: [Mean]
  }

  @Test func `estimates and intervals are those of ppi-python`() throws {
    let reference = try Fixture.decode(Reference.self, from: "prediction_powered.json")
    #expect(reference.means.count == 6)
    for known in reference.means {
      let mean = try #require(
        PredictionPoweredMean(
          labels: known.labels, predictions: known.predictions, unlabelled: known.unlabelled,
          confidence: known.confidence))
      // Sums in another order, and a quantile of the normal distribution by bisection.
      #expect(isClose(mean.tuning, known.tuning, absolute: 1e-9), "\(known.name)")
      #expect(isClose(mean.interval.estimate, known.estimate, absolute: 1e-9), "\(known.name)")
      #expect(isClose(mean.interval.lower, known.lower, absolute: 1e-9), "\(known.name)")
      #expect(isClose(mean.interval.upper, known.upper, absolute: 1e-9), "\(known.name)")
    }
  }

  @Test func `what is no sample has no mean`() {
    #expect(PredictionPoweredMean(labels: [1], predictions: [1], unlabelled: [1]) == nil)
    #expect(PredictionPoweredMean(labels: [1, 0], predictions: [1], unlabelled: [1]) == nil)
    #expect(PredictionPoweredMean(labels: [1, 0], predictions: [1, 0], unlabelled: []) == nil)
    #expect(PredictionPoweredMean(labels: [1, .nan], predictions: [1, 0], unlabelled: [1]) == nil)
  }

  /// One world: what people would say of each pair, and a judge that agrees with them but where it
  /// guesses, and leans to the candidate by `bias`.
  private struct World {
    var share: Double
    var bias: Double
    var noise = 0.3
    var generator: SeededGenerator

    mutating func pair() -> (label: Double, prediction: Double) {
      let label: Double = generator.uniform() < share ? 1 : 0
      var prediction = label
      if generator.uniform() < noise { prediction = generator.uniform() < 0.5 ? 1 : 0 }
      // Turned where it is 0: of that there is (1 − mean) to turn.
      let mean = share * (1 - noise) + noise / 2
      if prediction == 0, generator.uniform() < bias / (1 - mean) { prediction = 1 }
      return (label, prediction)
    }
  }

  /// In how many of 400 runs an interval misses the truth at any look: one after each label, with
  /// ten pairs judged for each.
  private func misses(
    share: Double, bias: Double, labels: Int, seed: UInt64
  ) -> (corrected: Int, judge: Int) {
    var missed = (corrected: 0, judge: 0)
    for run in 0..<400 as Range<UInt64> {
      var world = World(
        share: share, bias: bias, generator: SeededGenerator(seed: seed << 32 | run))
      var sequence = PredictionPoweredSequence()
      var judged = SampleSummary()
      var isMissed = (corrected: false, judge: false)
      for _ in 0..<labels {
        for number in 0..<10 {
          let pair = world.pair()
          sequence.append(prediction: pair.prediction)
          judged.append(pair.prediction)
          if number == 0 { sequence.append(label: pair.label, prediction: pair.prediction) }
        }
        let interval = sequence.interval(
          alpha: 0.05, plannedLabels: labels, plannedPredictions: 1_000)
        if interval?.contains(share) == false { isMissed.corrected = true }
        let uncorrected = AsymptoticConfidenceSequence.mean(
          of: judged, alpha: 0.05, plannedCount: 1_000)
        if uncorrected?.contains(share) == false { isMissed.judge = true }
      }
      if isMissed.corrected { missed.corrected += 1 }
      if isMissed.judge { missed.judge += 1 }
    }
    return missed
  }

  /// 5 % of 400 runs and four standard errors.
  private let greatestMisses = 37

  @Test func `a judge that leans by ten points is corrected, and by itself misleads`() {
    let missed = misses(share: 0.5, bias: 0.1, labels: 100, seed: 1)
    #expect(missed.corrected <= greatestMisses)
    #expect(missed.judge >= 390)
  }

  @Test(arguments: [0.03, 0.15, 0.85, 0.97])
  func `shares near the ends are covered at every look, too`(share: Double) {
    #expect(
      misses(share: share, bias: 0.1 * (1 - share), labels: 60, seed: 2).corrected
        <= greatestMisses)
  }

  /// The width after `labels` labels and ten times as many judgements.
  private func width(noise: Double, labels: Int, seed: UInt64) throws -> Double {
    var world = World(
      share: 0.5, bias: 0, noise: noise, generator: SeededGenerator(seed: seed))
    var sequence = PredictionPoweredSequence()
    for number in 0..<labels * 10 {
      let pair = world.pair()
      sequence.append(prediction: pair.prediction)
      if number % 10 == 0 { sequence.append(label: pair.label, prediction: pair.prediction) }
    }
    let interval = try #require(
      sequence.interval(alpha: 0.05, plannedLabels: labels, plannedPredictions: labels * 10))
    return interval.upper - interval.lower
  }

  @Test func `a good judge saves labels, and one that knows nothing costs none`() throws {
    let good = try width(noise: 0.1, labels: 300, seed: 3)
    let useless = try width(noise: 1, labels: 300, seed: 3)
    var alone = PredictionPoweredSequence()
    var world = World(share: 0.5, bias: 0, noise: 1, generator: SeededGenerator(seed: 3))
    for _ in 0..<300 { alone.append(label: world.pair().label, prediction: 0.5) }
    for _ in 0..<3_000 { alone.append(prediction: 0.5) }
    let none = try #require(
      alone.interval(alpha: 0.05, plannedLabels: 300, plannedPredictions: 3_000))
    #expect(good < 0.8 * useless)
    // λ scatters about 0 and is cut there: what it is by chance costs some of the judge's spread.
    #expect(useless < 1.15 * (none.upper - none.lower))
  }

  @Test func `too few labels say nothing, and twenty that agree are not certain`() throws {
    var sequence = PredictionPoweredSequence()
    #expect(sequence.estimate == nil)
    for _ in 0..<500 { sequence.append(prediction: 1) }
    for number in 1...PredictionPoweredSequence.leastLabels {
      #expect(
        sequence.interval(alpha: 0.05, plannedLabels: 50, plannedPredictions: 1_000) == nil)
      #expect(sequence.labelCount == number - 1)
      sequence.append(label: 1, prediction: 1)
    }
    let interval = try #require(
      sequence.interval(alpha: 0.05, plannedLabels: 50, plannedPredictions: 1_000))
    #expect(isClose(interval.estimate, 1, absolute: 1e-12))
    #expect(interval.lower < 0.9 && interval.upper > 1)
  }

  @Test func `how many labels a margin asks for`() {
    // What the documentation says.
    let wanted = [0.3, 0.2, 0.1, 0.05].map {
      PredictionPoweredSequence.labelsWanted(distance: $0, alpha: 0.05)
    }
    #expect(wanted == [35, 73, 275, 1_082])
    #expect(PredictionPoweredSequence.labelsWanted(distance: 0, alpha: 0.05) == nil)
    #expect(
      PredictionPoweredSequence.labelsWanted(distance: 0.1, alpha: 0.05, atMost: 274) == nil)
    #expect(PredictionPoweredSequence.labelsWanted(distance: 0.9, alpha: 0.05) == 20)
  }

  @Test func `what is no preference moves nothing`() {
    var sequence = PredictionPoweredSequence()
    let before = sequence
    let taken = [
      sequence.append(prediction: 1.5), sequence.append(prediction: .nan),
      sequence.append(label: 2, prediction: 0.5), sequence.append(label: 0.5, prediction: -0.1),
    ]
    #expect(taken.allSatisfy { !$0 })
    #expect(sequence == before)
  }
}
