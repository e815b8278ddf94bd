import Experimentation

/// What must be true of the keys of one mapping together, as far as the words beside them tell.
///
/// The readers say the same with messages of their own; a test compares both on many documents.
indirect enum KeyRule<Key: PolicyKey> {
  case exactlyOne([Key])
  case atMostOne([Key])
  case atLeastOne([Key])
  case all([Key])
  case none([Key])
  /// The value is one of fewer words than elsewhere.
  case words(Key, [String])
  /// The rules hold where the value is one of the words.
  case when(Key, [String], [KeyRule])
  /// The rules hold where one of the keys is there.
  case beside([Key], [KeyRule])
}

extension PolicyKey {
  static var rules: [KeyRule<Self>] { [] }
}

extension ModelKey {
  /// Where a model runs.
  static let backends: [ModelKey] = [.engine, .upstream]

  static var rules: [KeyRule<Self>] { [.exactlyOne(backends)] }
}

extension AttentionKey {
  static var rules: [KeyRule<Self>] {
    AttentionForm.allCases.map { form in
      let others = allCases.filter { $0 != .kind && !form.keys.contains($0) }
      var rules: [KeyRule<Self>] = [.none(others), .all(form.required)]
      if !form.selections.isEmpty { rules.append(.words(.selection, form.selections)) }
      return .when(.kind, [form.rawValue], rules)
    }
  }
}

extension RopeKey {
  static var rules: [KeyRule<Self>] {
    let scalings = RopeSpecification.Scaling.allCases.map(\.rawValue)
    return [
      .when(.scaling, [withoutScaling], [.none([.factor])]),
      .when(.scaling, scalings, [.all([.factor])]),
    ]
  }
}

extension AssignmentKey {
  static var rules: [KeyRule<Self>] {
    [.when(.unit, [UnitWord.request.rawValue], [.none([.layer])])]
  }
}

extension BanditKey {
  static var rules: [KeyRule<Self>] {
    let linear = BanditTraffic.Algorithm.linearThompson.rawValue
    return [
      .when(.algorithm, [linear], [.all([.context])]),
      .beside([.context], [.all([.algorithm]), .words(.algorithm, [linear])]),
    ]
  }
}

extension StepKey {
  static var rules: [KeyRule<Self>] {
    [.exactlyOne(kinds), .beside(kinds.filter { !$0.measures }, [.none([.hold])])]
  }
}

extension MetricKey {
  static var rules: [KeyRule<Self>] {
    let metrics = { (isWanted: (Metric) -> Bool) in
      Metric.allCases.filter(isWanted).map(\.rawValue)
    }
    let roles = MetricGate.Role.allCases
    return [
      .atMostOne(objectives), .atMostOne([.slice, .slices]),
      .when(.metric, metrics { $0.direction == .lower }, [.none([.maxDecrease, .minIncrease])]),
      .when(.metric, metrics { $0.direction == .higher }, [.none([.maxIncrease, .minDecrease])]),
      .when(.metric, metrics { $0.scale != .proportion }, [.none([.margin])]),
      .when(.metric, metrics(\.isInNats), [.none([.maxIncrease])]),
      .when(.metric, metrics { !$0.hasTail }, [.none([.quantile])]),
      .when(.metric, metrics(\.isFromUsers), [.none([.slice, .slices])]),
      .when(.metric, metrics { $0 == .check }, [.all([.check])]),
      .when(.metric, metrics { $0 != .check }, [.none([.check])]),
      .when(
        .role, [MetricGate.Role.goal.rawValue], [.none([.maxIncrease, .maxDecrease, .margin])]),
      .when(.role, [MetricGate.Role.guardrail.rawValue], [.none([.minIncrease, .minDecrease])]),
      .when(.role, roles.filter { $0 != .info }.map(\.rawValue), [.atLeastOne(objectives)]),
      .when(.role, roles.filter { !$0.isRequired }.map(\.rawValue), [.none([.onFail, .onNoData])]),
    ]
  }
}

extension JudgeKey {
  static var rules: [KeyRule<Self>] { [.beside([.labelPercent], [.all([.labels])])] }
}

extension SliceKey {
  static var rules: [KeyRule<Self>] { [.atLeastOne(allCases)] }
}
