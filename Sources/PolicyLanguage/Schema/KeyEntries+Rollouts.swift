import Experimentation

// What stands behind each key of a rollout.

extension RolloutKey {
  var entry: KeyEntry {
    switch self {
    case .apiVersion:
      KeyEntry(.words([PolicyParser.apiVersion]), "`rollout/v1`")
    case .kind:
      KeyEntry(.words([ReadDocument.Kind.rollout.rawValue]), "`Rollout`")
    case .name:
      KeyEntry(.word(.name), "what commands and the console call it")
    case .route:
      KeyEntry(.word(.name), "the `model` that clients ask for; one rollout a route")
    case .incumbent:
      KeyEntry(.word(.name), "the model that is live, against which the file was written")
    case .candidates:
      KeyEntry(.list(.word(.name), 1...16), "1 to 16 other models")
    case .assignment:
      KeyEntry(.mapping(AssignmentKey.self), "what stays on one model")
    case .steps:
      KeyEntry(
        .list(.mapping(StepKey.self), 1...64), "what happens with traffic, in this order; 1 to 64")
    case .metrics:
      KeyEntry(
        .list(.mapping(MetricKey.self), 1...64), usual: "none",
        "up to 64; without a `goal` or a `guardrail` there is a warning")
    case .analysis:
      KeyEntry(
        .mapping(AnalysisKey.self), usual: "see there",
        "how strictly and how often the controller looks")
    case .promotion:
      KeyEntry(
        .words(PromotionMode.allCases.map(\.rawValue)), or: "`manual`",
        "`automatic` needs a goal or a guardrail, and one candidate or a `bandit`")
    case .overrides:
      KeyEntry(
        .words(RolloutDocument.OverrideMode.allCases.map(\.rawValue)), or: "`refused`",
        """
        `allowed`: a request may name its model with `x-rollout-model`, and is no evidence \
        then
        """)
    case .match:
      KeyEntry(
        .mapping(MatchKey.self), usual: "all requests",
        """
        which requests of the route take part; the others get the incumbent, and are no evidence
        """)
    case .windows:
      KeyEntry(
        .list(.mapping(WindowKey.self), 1...32), usual: "all hours",
        """
        when it may move forward: outside of all of them nothing advances or is promoted, except \
        by force; what takes traffic back works at all hours
        """)
    case .freeze:
      KeyEntry(
        .list(.mapping(FreezeKey.self), 1...64), usual: "none",
        "when it may not, whatever the windows say")
    case .notify:
      KeyEntry(
        .list(.mapping(NotifyKey.self), 1...16), usual: "nobody", "whom to tell what happens")
    case .onNewRevision:
      KeyEntry(
        .words(RevisionMode.allCases.map(\.rawValue)), or: "`refuse`",
        """
        what becomes of this file while another rollout is live on the route, or an earlier \
        revision of this one: `refuse`; `replace`: it begins, the other is superseded; `queue`: it \
        begins when the other has ended, if its `incumbent` is live then
        """)
    case .judge:
      KeyEntry(
        .mapping(JudgeKey.self), usual: "with metric `judgePreference`",
        "who says which answer of a pair is better")
    case .embeddings:
      KeyEntry(
        .mapping(EmbeddingsKey.self), usual: "with metric `embeddingSimilarity`",
        "whose embeddings say how much both answers of a pair are alike")
    }
  }
}

extension AssignmentKey {
  var entry: KeyEntry {
    switch self {
    case .unit:
      KeyEntry(
        .words(UnitWord.allCases.map(\.rawValue), or: .header),
        """
        `user` (the request's `user`), `session` (the header `x-rollout-session`), `request` \
        (not sticky), or `header:<name>` in lower case
        """)
    case .salt:
      KeyEntry(.text, usual: "the rollout's name", "another salt deals the units anew")
    case .layer:
      KeyEntry(
        .mapping(LayerKey.self), usual: "all units",
        """
        which units take part, so that rollouts of several routes have none in common; the others \
        get the incumbent, and are no evidence. Not for the unit `request`
        """)
    }
  }
}

extension StepKey {
  var entry: KeyEntry {
    switch self {
    case .shadow:
      KeyEntry(
        .mapping(ShadowKey.self), usual: "one kind",
        "the incumbent answers everybody, candidates are asked aside")
    case .canary:
      KeyEntry(.mapping(CanaryKey.self), usual: "one kind", "each candidate answers a small part")
    case .split:
      KeyEntry(.mapping(SplitKey.self), usual: "one kind", "every model answers its part")
    case .approval:
      KeyEntry(
        .mapping(ApprovalKey.self), usual: "one kind",
        "traffic stays as it is until a person approves")
    case .pause:
      KeyEntry(.mapping(PauseKey.self), usual: "one kind", "traffic stays as it is for a while")
    case .hold:
      KeyEntry(
        .mapping(HoldKey.self), usual: "see there",
        "what must have happened before the step may pass")
    case .bandit:
      KeyEntry(
        .mapping(BanditKey.self), usual: "one kind",
        "every model answers a share that follows a reward, until one is shown to be the best")
    case .interleave:
      KeyEntry(
        .mapping(InterleaveKey.self), usual: "one kind",
        "answers with several choices have some of every model, for users to prefer one")
    }
  }
}

extension ShadowKey {
  var entry: KeyEntry {
    switch self {
    case .percent:
      KeyEntry(.percentOfRequests(Bounds(above: 0, to: 100)), "share of requests, above 0 to 100")
    case .concurrency:
      KeyEntry(
        .integer(1...64), or: "1", "shadow requests under way at once, 1 to 64, for each candidate")
    case .tokenBudget:
      KeyEntry(
        .quantity(TokenRateUnit.allCases.map(\.rawValue)), usual: "none",
        "tokens that shadows may spend: `200k/day`, `5M/day`")
    case .control:
      KeyEntry(
        .truth, or: "false",
        """
        `true`: the incumbent is asked aside too, within the same bounds, to show how far two \
        answers of one model are apart; nothing is decided by it
        """)
    }
  }
}

extension CanaryKey {
  var entry: KeyEntry {
    switch self {
    case .weight:
      KeyEntry(
        .quantity(["%"]), "what each candidate gets; something must be left for the incumbent")
    }
  }
}

extension SplitKey {
  var entry: KeyEntry {
    switch self {
    case .weights:
      KeyEntry(
        .weights,
        """
        a weight for the incumbent and for every candidate, `{ a: 50%, b: 50% }`; they sum \
        to 100%
        """)
    }
  }
}

extension ApprovalKey {
  var entry: KeyEntry {
    switch self {
    case .team:
      KeyEntry(.text, usual: "anybody", "who is to approve, for people to read")
    }
  }
}

extension PauseKey {
  var entry: KeyEntry {
    switch self {
    case .duration:
      KeyEntry(.duration(0.001...HoldKey.longestSeconds), "a duration")
    }
  }
}

extension HoldKey {
  var entry: KeyEntry {
    switch self {
    case .minSamples:
      KeyEntry(
        .integer(1...1_000_000_000), or: "1",
        "samples that each gate needs: pairs in a shadow step, else answers of each model")
    case .minTime:
      KeyEntry(.duration(0...HoldKey.longestSeconds), or: "0s", "the step runs at least so long")
    case .maxTime:
      KeyEntry(
        .duration(0...HoldKey.longestSeconds), usual: "for ever",
        "then a step that has not passed is inconclusive; it is never promoted for that")
    case .onInconclusive:
      KeyEntry(
        .words(InconclusiveAction.allCases.map(\.rawValue)), or: "`pause`",
        "`pause`, `rollBack` or `hold`, at `maxTime`")
    }
  }
}

extension MetricKey {
  var entry: KeyEntry {
    switch self {
    case .name:
      KeyEntry(.word(.name), "unique in the rollout")
    case .metric:
      KeyEntry(.words(Metric.allCases.map(\.rawValue)), "see below")
    case .role:
      KeyEntry(
        .words(MetricGate.Role.allCases.map(\.rawValue)),
        """
        `goal`: must be shown to improve. `guardrail`: must be shown not to get worse than \
        its margin. `signal`: warns. `info`: is only drawn
        """)
    case .maxIncrease:
      KeyEntry(
        .quantity(["pp", "%"]), usual: "one of five", "tolerated loss, where a decrease is better")
    case .maxDecrease:
      KeyEntry(
        .quantity(["pp", "%"]), usual: "one of five", "tolerated loss, where an increase is better")
    case .minDecrease:
      KeyEntry(
        .quantity(["pp", "%"]), usual: "one of five", "wanted gain, where a decrease is better")
    case .minIncrease:
      KeyEntry(
        .quantity(["pp", "%"]), usual: "one of five", "wanted gain, where an increase is better")
    case .margin:
      KeyEntry(
        .number(Bounds(from: 0, below: 1)), usual: "one of five",
        "tolerated loss of a share, as a number: `0.02` is `2pp`")
    case .slice:
      KeyEntry(.mapping(SliceKey.self), usual: "all traffic", "look at one part of traffic")
    case .slices:
      KeyEntry(
        .bands(edges: 1...SliceReader.maximumEdges, tokens: 0...SliceReader.maximumTokens),
        usual: "all traffic", "look at several parts, each a gate of its own")
    case .onFail:
      KeyEntry(
        .words(MetricGate.FailAction.allCases.map(\.rawValue)), or: "`rollBack`",
        """
        `rollBack`; `drop`: of several candidates the one that fails leaves, and the others go on; \
        `pause` or `warn`; for goals and guardrails
        """)
    case .onNoData:
      KeyEntry(
        .words(MetricGate.NoDataAction.allCases.map(\.rawValue)), or: "`hold`",
        """
        `hold`, or `pause`: the rollout pauses when a step has its `minTime` and `minSamples`, and \
        nothing was measured; for goals and guardrails
        """)
    case .quantile:
      KeyEntry(
        .number(MetricReader.quantiles), usual: "means are compared",
        "`0.95`: compare this quantile of a time, of `outputTokens` or of `cost`; 0.9 to 0.999")
    case .check:
      KeyEntry(
        .mapping(CheckKey.self), usual: "with metric `check`", "what an answer must be like")
    }
  }
}

extension SliceKey {
  var entry: KeyEntry {
    switch self {
    case .promptTokens:
      KeyEntry(
        .pattern(SliceReader.conditionPattern), usual: "at least one",
        "tokens of the prompt, as counted by the model that answered")
    case .label:
      KeyEntry(
        .oneOrSeveral(.pattern(SliceReader.labelPattern), RequestMatch.maximumConditions),
        usual: "under `where` only",
        """
        `"tier=gold"`: requests whose `metadata` has that member with that value, or a list of up \
        to 8, which must all hold; of a request's labels only those that a policy asks for are \
        kept with the outcomes, so that any number of other values costs nothing
        """)
    case .header:
      KeyEntry(
        .oneOrSeveral(.pattern(MatchReader.headerPattern), RequestMatch.maximumConditions),
        usual: "under `where` only",
        """
        `"x-tenant=acme"`: requests with that header, in lower case here, and that value, or a \
        list of up to 8, which must all hold; kept like labels
        """)
    }
  }
}

extension AnalysisKey {
  var entry: KeyEntry {
    switch self {
    case .alpha:
      KeyEntry(
        .number(Bounds(above: 0, to: 0.2)), or: "0.05",
        "chance that any verdict is ever wrong, however often one looks; above 0 to 0.2")
    case .every:
      KeyEntry(.duration(0.1...86_400), or: "30s", "time between looks, 100ms to 1d")
    }
  }
}
