import Experimentation
import Foundation
import Testing

@testable import PolicyLanguage

/// What a change to a policy means, as a reviewer is told.
struct PolicyChangeTests {
  /// What the sample means differently when `old` is written as `new`.
  private func changes(_ edits: (old: String, new: String)...) throws -> [String] {
    var text = Sample.rollout
    for edit in edits {
      try #require(text.contains(edit.old))
      text = text.replacing(edit.old, with: edit.new)
    }
    let before = try #require(try Sample.policy(Sample.rollout))
    let after = try #require(try Sample.policy(text))
    return after.changes(from: before).map { "\($0.effect.rawValue) \($0)" }
  }

  private func changes(_ old: String, _ new: String) throws -> [String] {
    try changes((old, new))
  }

  @Test func `what means the same is no change`() throws {
    #expect(try changes("salt: one", "salt: 'one'").isEmpty)
    #expect(try changes("maxIncrease: 5pp", "maxIncrease: 5pp, onFail: rollBack").isEmpty)
  }

  @Test func `margins that grow are loosened, and tightened when they shrink`() throws {
    #expect(
      try changes("maxIncrease: 5pp", "maxIncrease: 8pp")
        == ["loosened metric 'errors': at most +5pp → at most +8pp"])
    #expect(
      try changes("maxIncrease: 5pp", "maxIncrease: 0.5pp")
        == ["tightened metric 'errors': at most +5pp → at most +0.5pp"])
    // Points against percent of a rate that nobody knows: somebody has to look.
    #expect(
      try changes("maxIncrease: 5pp", "maxIncrease: 20%")
        == ["loosened metric 'errors': at most +5pp → at most +20%"])
  }

  @Test func `margins of divergence are in nats`() throws {
    let line = "  - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 5pp }"
    let more = line + "\n  - { name: far, metric: klDivergence, role: guardrail, margin: 0.02 }"
    #expect(
      try changes(line, more)
        == ["tightened metric 'far': new: guardrail, klDivergence at most +0.02 nats"])
  }

  @Test func `fewer labels of people are loosened, and more tightened`() throws {
    func judged(_ labels: String) throws -> RolloutPolicy {
      let judge = "{ model: smollm2-window, rubric: the answer that is correct\(labels) }"
      let gate = "  - { name: judged, metric: judgePreference, role: guardrail, maxDecrease: 5pp }"
      let text = Sample.rollout + "\n\(gate)\njudge: \(judge)\n"
      return try #require(try Sample.policy(text))
    }
    func effects(_ old: String, _ new: String) throws -> [PolicyChange.Effect] {
      try judged(new).changes(from: try judged(old)).filter { $0.subject == "judge.labels" }
        .map(\.effect)
    }
    #expect(try effects(", labels: 100", "") == [.loosened])
    #expect(try effects(", labels: 100", ", labels: 30") == [.loosened])
    #expect(try effects(", labels: 30", ", labels: 100") == [.tightened])
    #expect(try effects("", ", labels: 100") == [.tightened])
  }

  @Test func `roles and what follows from a failure`() throws {
    #expect(
      try changes("role: guardrail, maxIncrease: 5pp", "role: signal, maxIncrease: 5pp")
        == ["loosened metric 'errors': guardrail → signal"])
    #expect(
      try changes("maxIncrease: 5pp", "maxIncrease: 5pp, onFail: pause")
        == ["loosened metric 'errors': onFail rollBack → onFail pause"])
  }

  @Test func `gates that come and go`() throws {
    let line = "  - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 5pp }"
    let more = line + "\n  - { name: ttft, metric: timeToFirstToken, role: goal, minDecrease: 20% }"
    #expect(
      try changes(line, more)
        == ["tightened metric 'ttft': new: goal, timeToFirstToken more than 20% less"])
    let other = line.replacing("errors", with: "failures")
    #expect(
      try changes(line, other) == [
        "loosened metric 'errors': gone: guardrail, errorRate at most +5pp",
        "tightened metric 'failures': new: guardrail, errorRate at most +5pp",
      ])
  }

  @Test func `steps that come, go and change`() throws {
    let step = "  - shadow: { percent: 100 }"
    #expect(
      try changes(step, "  - canary: { weight: 5% }\n" + step)
        == ["loosened step 1: new: canary 5%"])
    #expect(
      try changes("minSamples: 50, minTime: 5s", "minSamples: 20, minTime: 10s") == [
        "loosened step 1: minSamples 50 → minSamples 20",
        "tightened step 1: minTime 5s → minTime 10s",
      ])
    #expect(
      try changes("percent: 100", "percent: 25") == ["loosened step 1: shadow 100% → shadow 25%"])
    let both = try changes((step, "  - canary: { weight: 5% }"))
    #expect(both.count == 2 && both[0].hasPrefix("loosened step 1: gone: shadow 100%"), "\(both)")
    #expect(both.last?.hasPrefix("tightened step 1: new: canary 5%") == true, "\(both)")
  }

  @Test func `a step that is put in is finer only if nobody gets more by it`() throws {
    let step = "  - shadow: { percent: 100 }"
    let canary = "  - canary: { weight: 5% }\n"
    let large = try changes(step, "  - canary: { weight: 90% }\n" + canary + step)
    #expect(large.first?.hasPrefix("loosened step 1: new: canary 90%") == true, "\(large)")
    let before = Sample.rollout.replacing(
      step, with: canary + "  - approval: {}\n  - canary: { weight: 50% }\n" + step)
    let after = Sample.rollout.replacing(
      step, with: canary + "  - canary: { weight: 50% }\n  - approval: {}\n" + step)
    let moved = try #require(try Sample.policy(after))
      .changes(from: try #require(try Sample.policy(before)))
    #expect(
      moved.contains {
        $0.effect == .loosened
          && "\($0)" == "before approval 1: candidates get 5% → candidates get 50%"
      }, "\(moved)")
  }

  @Test func `what is measured of another part, and hours that go, are looser`() throws {
    let end = "maxIncrease: 5pp }"
    #expect(
      try changes(
        "metric: errorRate, role: guardrail, maxIncrease: 5pp",
        "metric: latency, role: guardrail, maxIncrease: 200%"
      ).map { $0.prefix(8) }
        == ["loosened", "tightene"])
    let windows = "\nwindows: [ { allow: \"Mon-Thu 09:00-16:00\", timeZone: UTC } ]"
    let held = try #require(try Sample.policy(Sample.rollout.replacing(end, with: end + windows)))
    let free = try #require(try Sample.policy(Sample.rollout))
    #expect(free.changes(from: held).map(\.effect) == [.loosened])
    #expect(held.changes(from: free).map(\.effect) == [.tightened])
  }

  @Test func `who takes part, hours and webhooks in the policy's words`() throws {
    let end = "maxIncrease: 5pp }"
    func changes(_ old: String, _ new: String) throws -> [String] {
      let before = try #require(try Sample.policy(Sample.rollout.replacing(end, with: end + old)))
      let after = try #require(try Sample.policy(Sample.rollout.replacing(end, with: end + new)))
      return after.changes(from: before).map { "\($0.effect.rawValue) \($0)" }
    }
    func match(_ text: String) -> String { "\nmatch: { \(text) }" }
    let gold = match("label: \"tier=gold\"")
    let goldOfAcme = match("label: \"tier=gold\", header: \"x-tenant=acme\"")
    #expect(
      try changes("", gold)
        == ["tightened requests that take part: all → those with label tier=gold"])
    #expect(
      try changes(goldOfAcme, gold) == [
        "loosened requests that take part: those with header x-tenant=acme, label tier=gold → "
          + "those with label tier=gold"
      ])
    #expect(
      try changes(gold, match("label: \"tier=silver\"")).map { $0.prefix(8) } == ["changed "])
    func windows(_ texts: String...) -> String {
      let items = texts.map { "\n  - { allow: \"\($0)\", timeZone: Europe/Berlin }" }
      return "\nwindows:" + items.joined()
    }
    let monday = "Mon 09:00-12:00"
    #expect(
      try changes("", windows("Tue-Thu 09:00-16:30"))
        == ["tightened window: new: Tue-Thu 09:00-16:30 Europe/Berlin"])
    #expect(
      try changes(windows(monday), windows(monday, "Wed,Fri 10:00-11:00"))
        == ["loosened window: new: Wed,Fri 10:00-11:00 Europe/Berlin"])
    #expect(
      try changes(windows(monday, "Mon-Sun 10:00-11:00"), windows(monday))
        == ["tightened window: gone: every day 10:00-11:00 Europe/Berlin"])
    let freeze =
      "\nfreeze:\n  - { from: 2026-12-20, to: 2027-01-03T12:00, timeZone: UTC, reason: holidays }"
    let thawed = try changes(freeze, "")
    #expect(
      thawed == ["loosened freeze: gone: 2026-12-20 to 2027-01-03T12:00 UTC (holidays)"],
      "\(thawed)")
    #expect(
      try changes("", "\nnotify:\n  - { on: [promoted, paused], webhookEnv: HOOK }")
        == ["changed notify: new: paused, promoted to what $HOOK names"])
  }

  @Test func `who is dealt what`() throws {
    #expect(
      try changes("salt: one", "salt: two")
        == ["changed salt: 'one' → 'two' (every unit is dealt anew)"])
    #expect(
      try changes("unit: user", "unit: session")
        == ["changed assignment unit: user → session (every unit is dealt anew)"])
    #expect(
      try changes("candidates: [smollm2-flash]", "candidates: [smollm2-flash, smollm2-window]")
        == ["changed candidate: new: smollm2-window"])
  }

  @Test func `alpha and who promotes`() throws {
    let end = "maxIncrease: 5pp }"
    #expect(
      try changes(end, end + "\nanalysis: { alpha: 0.1 }") == ["loosened alpha: 0.05 → 0.1"])
    #expect(
      try changes(end, end + "\npromotion: automatic") == [
        "loosened promotion: manual → automatic (nobody is asked before the candidate is live)"
      ])
  }

  @Test func `a model's keys are named by their paths`() throws {
    let before = try PolicyParser.parse(PolicySource(file: "a.yaml", text: Sample.model))
    let window = Sample.model.replacing(
      "{ kind: dense }", with: "{ kind: slidingWindow, window: 512 }")
    let after = try PolicyParser.parse(PolicySource(file: "a.yaml", text: window))
    guard case .model(let old) = before, case .model(let new) = after else {
      Issue.record("no models")
      return
    }
    #expect(
      new.changes(from: old).map(\.description) == [
        "engine.attention.kind: dense → slidingWindow", "engine.attention.sinks: new: 0",
        "engine.attention.window: new: 512",
      ])
    #expect(new.changes(from: new).isEmpty)
  }

  @Test func `keys and values are named as policies write them`() throws {
    let step = "  - shadow: { percent: 100 }"
    func bandit(_ keys: String) -> String {
      Sample.rollout.replacing(step, with: "  - bandit: { reward: errorRate, \(keys) }")
    }
    let before = try #require(
      try Sample.policy(bandit("minProb: 5%, updateEvery: 10m, margin: 1pp")))
    let after = try #require(
      try Sample.policy(bandit("minProb: 33%, updateEvery: 1h, halfLife: 2d, margin: 2pp")))
    #expect(
      Set(after.changes(from: before).map(\.description)) == [
        "step 1 halfLife: new: 2d", "step 1 margin: 1pp → 2pp", "step 1 minProb: 5% → 33%",
        "step 1 updateEvery: 10m → 1h",
      ])
    func judged(_ share: Double, _ tokens: Int) throws -> RolloutPolicy {
      var policy = try #require(try Sample.policy(Sample.rollout))
      policy.judge = JudgePolicy(
        model: try #require(ModelName("judge")), rubric: "r", share: try #require(Share(share)),
        tokensPerDay: tokens)
      return policy
    }
    let (free, strict) = (try judged(1, 5_000_000), try judged(0.03, 1_500))
    #expect(
      strict.changes(from: free).map(\.description)
        == ["judge.percent: 100% → 3%", "judge.tokenBudget: 5M/day → 1.5k/day"])
    var labelled = free
    labelled.judge?.labels = LabelPlan(limit: 100, share: try #require(Share(0.25)))
    #expect(
      labelled.changes(from: free).map(\.description).sorted()
        == ["judge.labelPercent: new: 25%", "judge.labels: new: 100"])
    let plain = try #require(try Sample.policy(Sample.rollout))
    #expect(
      strict.changes(from: plain).map(\.description) == [
        "judge: new: { concurrency: 1, model: judge, percent: 3%, rubric: r, "
          + "tokenBudget: 1.5k/day }"
      ])
  }

  @Test func `who embeds is told like who judges`() throws {
    func embedded(_ share: Double, _ tokens: Int?) throws -> RolloutPolicy {
      var policy = try #require(try Sample.policy(Sample.rollout))
      policy.embeddings = EmbeddingPolicy(
        model: try #require(ModelName("other")), share: try #require(Share(share)), concurrency: 2,
        tokensPerDay: tokens)
      return policy
    }
    #expect(
      try embedded(0.25, 200_000).changes(from: embedded(1, nil)).map(\.description)
        == ["embeddings.percent: 100% → 25%", "embeddings.tokenBudget: new: 200k/day"])
  }

  /// Whatever two policies are, they differ in words exactly if they differ in their digests.
  @Test func `no difference of digests goes without a word`() throws {
    let models = try PolicyParser.parse(Repository.sources(in: Repository.policies))
    let examples = try PolicyParser.parse(
      Repository.sources(in: Repository.policies.appending(path: "examples")),
      knownModels: Set(models.models.map(\.name)))
    let valid = try PolicyParser.parse(Repository.sources(in: Repository.valid))
    let policies = models.rollouts + examples.rollouts + valid.rollouts
    #expect(policies.count > 8)
    for old in policies {
      for new in policies {
        var renamed = new
        renamed.name = old.name
        let isSame = renamed.canonicalText == old.canonicalText
        #expect(renamed.changes(from: old).isEmpty == isSame, "\(old.name) → \(new.name)")
      }
    }
  }
}
