import CoreMetrics
import Testing

@testable import Observability

struct PrometheusRegistryTests {
  @Test func `a registry tells each kind of metric in one text`() throws {
    let registry = PrometheusRegistry(
      descriptions: ["gateway.requests": "Requests answered."],
      buckets: ["prompt.tokens": HistogramBuckets(upTo: [10, 100])])
    Counter(label: "gateway.requests", dimensions: [("model", "dense")], factory: registry)
      .increment(by: 3)
    Meter(label: "shadow.waiting", factory: registry).set(2.5)
    Gauge(label: "table.generation", factory: registry).record(7)
    Recorder(label: "prompt.tokens", factory: registry).record(12)
    Timer(label: "time.to.first.token", factory: registry).recordMilliseconds(30)

    // The whole text, byte for byte but for the timer's many buckets, which have a test below.
    let lines = String(decoding: registry.render(), as: UTF8.self)
      .split(separator: "\n").filter { !$0.hasPrefix("time_to_first_token_seconds_bucket") }
    #expect(
      lines.joined(separator: "\n") == """
        # HELP gateway_requests_total Requests answered.
        # TYPE gateway_requests_total counter
        gateway_requests_total{model="dense"} 3
        # HELP prompt_tokens prompt.tokens
        # TYPE prompt_tokens histogram
        prompt_tokens_bucket{le="10"} 0
        prompt_tokens_bucket{le="100"} 1
        prompt_tokens_bucket{le="+Inf"} 1
        prompt_tokens_sum 12
        prompt_tokens_count 1
        # HELP rollout_metrics_refused_total Series that could not be made, by reason.
        # TYPE rollout_metrics_refused_total counter
        rollout_metrics_refused_total{reason="kind"} 0
        rollout_metrics_refused_total{reason="limit"} 0
        # HELP shadow_waiting shadow.waiting
        # TYPE shadow_waiting gauge
        shadow_waiting 2.5
        # HELP table_generation table.generation
        # TYPE table_generation gauge
        table_generation 7
        # HELP time_to_first_token_seconds time.to.first.token
        # TYPE time_to_first_token_seconds histogram
        time_to_first_token_seconds_sum 0.03
        time_to_first_token_seconds_count 1
        """)
  }

  @Test func `a histogram's buckets add up to its count`() throws {
    let registry = PrometheusRegistry()
    let timer = Timer(label: "answer", dimensions: [("model", "a")], factory: registry)
    // On a bound, between bounds, beyond all bounds, and from a clock that ran backwards.
    for duration in [1_000_000, 3_000_000, 900_000_000_000, -5] {
      timer.recordNanoseconds(duration)
    }
    let text = try PrometheusText(registry.render())
    func bucket(_ bound: String) -> Double? {
      text["answer_seconds_bucket", ["model": "a", "le": bound]]
    }
    #expect(bucket("0.0005") == 1)
    #expect(bucket("0.001") == 2)
    #expect(bucket("0.005") == 3)
    #expect(bucket("120") == 3)
    #expect(bucket("+Inf") == 4)
    #expect(text["answer_seconds_count", ["model": "a"]] == 4)
    #expect(text["answer_seconds_sum", ["model": "a"]] == 900.004)
    let counts = text.samples.filter { $0.name == "answer_seconds_bucket" }.map(\.value)
    #expect(counts == counts.sorted())
  }

  @Test func `labels survive every character, and no label escapes its quotation marks`() throws {
    let registry = PrometheusRegistry()
    let evil = "a\"} 9\nfake_total 1 \\"
    Counter(
      label: "1 requests/ü", dimensions: [("mo del", evil), ("__name__", "x")], factory: registry
    ).increment()
    let text = try PrometheusText(registry.render())
    #expect(text["_1_requests____total", ["mo_del": evil, "exported__name__": "x"]] == 1)
    #expect(text["fake_total"] == nil)
  }

  @Test func `a label named le cannot pass for a bucket`() throws {
    let registry = PrometheusRegistry()
    Timer(label: "t", dimensions: [("le", "0.1"), ("le", "2")], factory: registry)
      .recordSeconds(1)
    let text = try PrometheusText(registry.render())
    #expect(text["t_seconds_count", ["exported_le": "0.1"]] == 1)
  }

  @Test func `a long label value is cut between characters`() throws {
    let registry = PrometheusRegistry()
    let value = String(repeating: "é", count: 100)
    Counter(label: "c", dimensions: [("model", value)], factory: registry).increment()
    let text = try PrometheusText(registry.render())
    // Two bytes each.
    #expect(text["c_total", ["model": String(repeating: "é", count: 64)]] == 1)
  }

  @Test func `one name and one set of labels are one series, in whatever order`() throws {
    let registry = PrometheusRegistry()
    Counter(label: "c", dimensions: [("a", "1"), ("b", "2")], factory: registry).increment()
    Counter(label: "c", dimensions: [("b", "2"), ("a", "1")], factory: registry).increment()
    FloatingPointCounter(label: "c", dimensions: [("a", "1"), ("b", "2")], factory: registry)
      .increment(by: 0.5)
    #expect(try PrometheusText(registry.render())["c_total", ["a": "1", "b": "2"]] == 2.5)
  }

  @Test func `series beyond the bound record nothing and are counted`() throws {
    let registry = PrometheusRegistry(maximumSeries: 2)
    for user in 0..<5 {
      Counter(label: "c", dimensions: [("user", "\(user)")], factory: registry).increment()
    }
    Timer(label: "t", factory: registry).recordSeconds(1)
    FloatingPointCounter(label: "f", factory: registry).increment(by: 1)
    let text = try PrometheusText(registry.render())
    #expect(text.samples.count { $0.name == "c_total" } == 2)
    #expect(text.types["t_seconds"] == nil)
    #expect(text["rollout_metrics_refused_total", ["reason": "limit"]] == 5)

    // Who exists goes on, and who goes makes room.
    let first = Counter(label: "c", dimensions: [("user", "0")], factory: registry)
    first.increment()
    #expect(try PrometheusText(registry.render())["c_total", ["user": "0"]] == 2)
    first.destroy()
    Counter(label: "c", dimensions: [("user", "9")], factory: registry).increment()
    let later = try PrometheusText(registry.render())
    #expect(later["c_total", ["user": "0"]] == nil)
    #expect(later["c_total", ["user": "9"]] == 1)
  }

  @Test func `a name that belongs to another kind is refused`() throws {
    let registry = PrometheusRegistry()
    Counter(label: "requests", factory: registry).increment()
    Gauge(label: "requests_total", factory: registry).record(5)
    Recorder(label: "size", factory: registry).record(1)
    Gauge(label: "size_count", factory: registry).record(5)
    Gauge(label: "queue_sum", factory: registry).record(5)
    Recorder(label: "queue", factory: registry).record(1)
    let text = try PrometheusText(registry.render())
    #expect(text["requests_total"] == 1)
    #expect(text["size_count"] == 1)
    #expect(text["queue_sum"] == 5)
    #expect(text["rollout_metrics_refused_total", ["reason": "kind"]] == 3)
  }

  @Test func `numbers that a sum could not come back from are ignored`() throws {
    let registry = PrometheusRegistry()
    let recorder = Recorder(label: "r", factory: registry)
    let counter = FloatingPointCounter(label: "c", factory: registry)
    let meter = Meter(label: "m", factory: registry)
    for value in [Double.nan, .infinity, -.infinity] {
      recorder.record(value)
      counter.increment(by: value)
      meter.increment(by: value)
    }
    counter.increment(by: -1.0)
    let text = try PrometheusText(registry.render())
    #expect(text["r_count"] == 0)
    #expect(text["c_total"] == 0)
    #expect(text["m"] == 0)
    meter.set(Double.infinity)
    #expect(try PrometheusText(registry.render())["m"] == .infinity)
  }

  @Test func `a description with line ends stays on its line`() throws {
    let registry = PrometheusRegistry(descriptions: ["c": "one\ntwo\r\nthree \\ four"])
    Counter(label: "c", factory: registry).increment()
    #expect(try PrometheusText(registry.render()).help["c_total"] == #"one\ntwo\nthree \\ four"#)
  }

  @Test func `no increment of many threads is lost`() async throws {
    let registry = PrometheusRegistry()
    let tasks = 8
    let incrementsEach = 2_000
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<tasks {
        group.addTask {
          for _ in 0..<incrementsEach {
            Counter(label: "c", dimensions: [("m", "a")], factory: registry).increment()
            Recorder(label: "r", factory: registry).record(1)
          }
        }
      }
    }
    let text = try PrometheusText(registry.render())
    #expect(text["c_total", ["m": "a"]] == Double(tasks * incrementsEach))
    #expect(text["r_count"] == Double(tasks * incrementsEach))
  }

  @Test func `buckets sort values as a plain search does`() {
    let buckets = HistogramBuckets(upTo: [5, 1, .nan, .infinity, 1, 2])
    #expect(buckets.upperBounds == [1, 2, 5])
    for value in [-1, 0, 1, 1.5, 2, 3, 5, 5.1, 1e9] {
      let expected = buckets.upperBounds.firstIndex { value <= $0 } ?? 3
      #expect(buckets.index(of: value) == expected, "of \(value)")
    }
  }
}
