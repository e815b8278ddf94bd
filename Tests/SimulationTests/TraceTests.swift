import Console
import Experimentation
import Storage
import Testing

@testable import Simulation

/// What is read of recorded traffic, and what is refused.
@Suite struct TraceTests {
  private static let route = RouteName("assistant")
  private static let outcome = """
    {"request_id":"a","route":"assistant","rollout":"assistant","run":1,"step":0,\
    "at_milliseconds":1000,"unit_hash":"00000000000000ff","propensity":0.5,"model":"dense",\
    "total_seconds":1.5,"prompt_tokens":300}
    """

  private func read(
    _ files: [(name: String, text: String)], pieces: Int? = nil,
    limits: TraceReader.Limits = TraceReader.Limits()
  ) throws -> Trace {
    var reader = TraceReader(route: try #require(Self.route), limits: limits)
    for file in files {
      reader.begin(file: file.name)
      let bytes = Array(file.text.utf8)
      for start in stride(from: 0, to: bytes.count, by: pieces ?? max(1, bytes.count)) {
        bytes[start..<min(bytes.count, start + (pieces ?? bytes.count))]
          .withUnsafeBytes { reader.append($0) }
      }
    }
    return try reader.finish()
  }

  private func problems(_ text: String, limits: TraceReader.Limits = .init()) throws -> [String] {
    do {
      _ = try read([("t.jsonl", text)], limits: limits)
      return []
    } catch let errors as TraceErrors {
      return errors.problems.map(\.description)
        + (errors.omitted > 0 ? ["\(errors.omitted) more"] : [])
    }
  }

  @Test func `what an export writes is read as it was, in pieces of any length`() async throws {
    let rows = try RecordedRows(seed: 3, share: 0.4, pairShare: 0.5, count: 300)
    let texts = try await rows.exported()
    for pieces in [nil, 1, 7, 4_096] {
      let trace = try read(
        [("outcomes.jsonl", texts.outcomes), ("pairs.jsonl", texts.comparisons)], pieces: pieces)
      #expect(trace.count == rows.outcomes.count)
      #expect(trace.pairCount == rows.comparisons.count && trace.pairCount > 50)
      var pairs = 0
      for (request, outcome) in zip(trace.requests, rows.outcomes) {
        #expect(trace.models[Int(request.model)] == outcome.model)
        #expect(trace.answers[Int(request.answer)].measurements == outcome.measurements)
        #expect(request.unit == outcome.assignment.unitHash)
        #expect(request.propensity == outcome.assignment.propensity)
        #expect(request.atMilliseconds == outcome.assignment.atMilliseconds)
        guard request.pair >= 0 else { continue }
        let pair = trace.pairs[Int(request.pair)]
        let comparison = rows.comparisons[pairs]
        pairs += 1
        #expect(comparison.requestID == outcome.requestID)
        #expect(
          trace.answers[Int(pair.candidateAnswer)].measurements
            == comparison.candidateMeasurements)
        #expect(pair.tokenAgreement.isNaN == (comparison.tokenAgreement == nil))
      }
      #expect(pairs == rows.comparisons.count)
    }
  }

  @Test func `scores are read, of answers and of pairs`() async throws {
    var rows = try RecordedRows(seed: 5, share: 0.4, pairShare: 1, count: 100)
    let (parses, rouge) = (ScoreID(check: "parses"), ScoreID(.rougeL))
    for place in rows.outcomes.indices {
      rows.outcomes[place].measurements.scores[parses] = place % 3 == 0 ? 0 : 1
    }
    for place in rows.comparisons.indices {
      rows.comparisons[place].scores[rouge] = 0.25
      rows.comparisons[place].candidateMeasurements.scores[parses] = 1
    }
    let trace = try await rows.trace()
    #expect(trace.scoreIDs == [parses, rouge])
    for (request, outcome) in zip(trace.requests, rows.outcomes) {
      #expect(trace.answers[Int(request.answer)].measurements == outcome.measurements)
    }
    #expect(trace.pairCount > 10)
    for pair in trace.pairs {
      #expect(pair.scores[rouge] == 0.25)
      #expect(trace.answers[Int(pair.candidateAnswer)].scores[parses] == 1)
    }
    #expect(
      try problems(Self.outcome.replacing("1.5,", with: #"1.5,"scores":[1],"#))
        == ["t.jsonl:1: expected 'scores' to be an object of numbers"])
  }

  @Test func `pairs alone are a trace, and what is said twice counts once`() async throws {
    let rows = try RecordedRows(seed: 4, share: 0.4, pairShare: 1, count: 200)
    let texts = try await rows.exported()
    let alone = try read([("pairs.jsonl", texts.comparisons)])
    #expect(alone.count == rows.comparisons.count && alone.pairCount == alone.count)
    let twice = try read([
      ("a", texts.comparisons), ("b", texts.outcomes), ("c", texts.outcomes),
      ("d", texts.comparisons),
    ])
    #expect(twice.count == rows.outcomes.count && twice.pairCount == rows.comparisons.count)
    #expect(twice.repeated == rows.outcomes.count + rows.comparisons.count)
  }

  @Test func `requests are put in the order of their arrival`() throws {
    let late = Self.outcome.replacing("1000", with: "9000").replacing(#""a""#, with: #""b""#)
    let trace = try read([("late", late), ("early", Self.outcome)])
    #expect(trace.requests.map(\.atMilliseconds) == [1_000, 9_000])
  }

  @Test func `little has to be said of a request, in any order and spelling`() throws {
    let trace = try read([
      (
        "t",
        #" { "total_seconds" : 2.50e-1 , "at_milliseconds":5, "model":"dense", "new":{"a":["]"]}}"#
          + "\r\n\n" + #"{"model":"dense","at_milliseconds":6,"total_seconds":1,"#
          + #""labels":"{\"tier\":\"ü\"}","finish_reason":"stop"}"#
      )
    ])
    #expect(trace.count == 2)
    #expect(trace.requests.map(\.propensity) == [0, 0])
    #expect(trace.requests[0].unit != trace.requests[1].unit)
    #expect(trace.answers[0].measurements == Measurements(totalSeconds: 0.25))
    #expect(trace.labels[Int(trace.requests[1].labels)] == ["tier": "ü"])
    #expect(trace.answers[1].measurements.finishReason == "stop")
  }

  @Test func `pinned requests and other routes are counted and left out`() throws {
    let trace = try read([
      (
        "t",
        [
          Self.outcome, Self.outcome.replacing("0.5,", with: "null,"),
          Self.outcome.replacing(#""route":"assistant""#, with: #""route":"other""#),
        ].joined(separator: "\n")
      )
    ])
    #expect(trace.count == 1 && trace.pinned == 1 && trace.otherRoutes == ["other": 1])
    #expect(
      try problems(Self.outcome.replacing(#""route":"assistant""#, with: #""route":"other""#))
        == ["t.jsonl:1: expected requests of route 'assistant'; these are of 'other'"])
  }

  @Test(arguments: [
    ("[1]", "1: column 1: expected an object of JSON, as `rollout export` writes"),
    ("{\"model\":\"dense\"", "1: column 17: expected ',' or '}'"),
    ("{\"model\":nul}", "1: column 10: expected null, true, false, a number or a string"),
    ("{\"model\":\"dense\",\"model\":\"flash\"}", "1: column 26: expected 'model' once, not twice"),
    ("{\"model\":\"dense\"} x", "1: column 19: expected the line's end"),
    ("{\"step\":1}", "1: expected 'model', as outcomes have, or 'candidate', as comparisons have"),
    ("{\"model\":\"dense\",\"total_seconds\":1}", "1: expected 'at_milliseconds'"),
    ("{\"model\":\"dense\",\"at_milliseconds\":1}", "1: expected 'total_seconds'"),
    (
      "{\"model\":\"dense\",\"at_milliseconds\":1.5,\"total_seconds\":1}",
      "1: expected 'at_milliseconds' to be a whole number"
    ),
    (
      "{\"model\":\"dense\",\"at_milliseconds\":1,\"total_seconds\":-1}",
      "1: expected 'total_seconds' to be a number from 0 to 10000000"
    ),
    (
      "{\"model\":\"Dense!\",\"at_milliseconds\":1,\"total_seconds\":1}",
      "1: column 11: expected a model's name in 'model'"
    ),
    (
      "{\"model\":\"dense\",\"at_milliseconds\":1,\"total_seconds\":1,\"propensity\":0}",
      "1: expected 'propensity' above 0: it was the chance of what happened"
    ),
    (
      "{\"model\":\"dense\",\"at_milliseconds\":1,\"total_seconds\":1,\"unit_hash\":\"xyz\"}",
      "1: column 69: expected 'unit_hash' to be a text of up to 16 hexadecimal digits"
    ),
    (
      "{\"model\":\"dense\",\"at_milliseconds\":1,\"total_seconds\":1,\"metric\":\"feedback\"}",
      "1: expected an outcome or a comparison; feedback is no part of a trace"
    ),
    (
      "{\"incumbent\":\"dense\",\"candidate\":\"flash\",\"at_milliseconds\":1}",
      "1: expected 'request_id'"
    ),
    ("", "1: expected at least one request"),
  ])
  func `a line that cannot be used is named with what was expected`(
    text: String, expected: String
  ) throws {
    #expect(try problems(text) == ["t.jsonl:\(expected)"])
  }

  @Test func `a failure that nobody knows is refused with those that are known`() throws {
    let line = Self.outcome.replacing("1.5,", with: #"1.5,"failure":"tired","#)
    let told = try #require(try problems(line).first)
    #expect(told.contains("'failure' to be null or one of unavailable, deadlineExceeded"))
  }

  @Test func `every bad line is counted, the first ones are told, and the rest is not lost`() throws
  {
    let lines = Array(repeating: "x", count: 30) + [Self.outcome]
    let told = try problems(lines.joined(separator: "\n"))
    #expect(told.count == 21)
    #expect(told[19].hasPrefix("t.jsonl:20:") && told[20] == "10 more")
  }

  @Test func `lines and files beyond their bounds are refused`() throws {
    let limits = TraceReader.Limits(rows: 2, lineBytes: 400, models: 1)
    let long = #"{"pad":""# + String(repeating: "x", count: 500) + #""}"#
    #expect(
      try problems(long + "\n" + Self.outcome, limits: limits)
        == ["t.jsonl:1: expected a line of at most 400 bytes"])
    let many = (1...3).map { Self.outcome.replacing(#""a""#, with: #""r\#($0)""#) }
    #expect(
      try problems(many.joined(separator: "\n"), limits: limits)
        == ["t.jsonl:3: expected at most 2 lines in all"])
    let models = Self.outcome + "\n" + Self.outcome.replacing("dense", with: "flash")
    #expect(try problems(models, limits: limits) == ["t.jsonl:2: expected at most 1 models"])
  }

  @Test func `no sequence of bytes is more than a problem`() throws {
    var draws = Draws(seed: 9)
    let bytes = Array(Self.outcome.utf8)
    for _ in 0..<3_000 {
      var mutated = bytes
      for _ in 0..<1 + draws.index(below: 4) {
        let place = draws.index(below: mutated.count)
        switch draws.index(below: 3) {
        case 0: mutated[place] = UInt8(draws.index(below: 256))
        case 1: mutated.remove(at: place)
        default: mutated.removeSubrange(place...)
        }
        if mutated.isEmpty { break }
      }
      var reader = TraceReader(route: try #require(Self.route))
      reader.begin(file: "t")
      mutated.withUnsafeBytes { reader.append($0) }
      do throws(TraceErrors) {
        let trace = try reader.finish()
        #expect(trace.count <= 2)
      } catch {
        #expect(!error.problems.isEmpty)
      }
    }
  }
}

/// Rows of a seeded day, and the text that an export makes of them.
struct RecordedRows {
  var outcomes: [Outcome] = []
  var comparisons: [Comparison] = []
  let names: SimulatedNames

  init(
    seed: UInt64, share: Double, pairShare: Double = 0, count: Int,
    candidate: ModelTruth = ModelTruth(), traffic: TrafficModel = TrafficModel(),
    unit: UnitKind = .user
  ) throws {
    names = try #require(SimulatedNames())
    var generated = GeneratedTraffic(
      names, seed: seed, share: try #require(Share(share)), pairShare: pairShare,
      candidate: candidate, traffic: traffic, unit: unit)
    for _ in 0..<count {
      let (outcome, comparison) = generated.next()
      outcomes.append(outcome)
      if let comparison { comparisons.append(comparison) }
    }
  }

  /// As `rollout export` writes them.
  func exported() async throws -> (outcomes: String, comparisons: String) {
    let store = SimulatedDisk().open()
    try await store.append(outcomes: outcomes, comparisons: comparisons)
    let run = RunID(rollout: names.rollout, run: 1)
    var texts = (outcomes: "", comparisons: "")
    try await Export(of: run, .outcomes, as: .jsonl).write(from: store) { texts.outcomes += $0 }
    try await Export(of: run, .comparisons, as: .jsonl).write(from: store) {
      texts.comparisons += $0
    }
    return texts
  }

  /// The trace that they are.
  func trace() async throws -> Trace {
    let texts = try await exported()
    var reader = TraceReader(route: names.route)
    for text in [texts.outcomes, texts.comparisons] where !text.isEmpty {
      reader.begin(file: "recorded")
      Array(text.utf8).withUnsafeBytes { reader.append($0) }
    }
    return try reader.finish()
  }
}
