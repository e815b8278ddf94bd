package import Experimentation

extension RolloutPolicy {
  /// Who answers how much of the traffic under `traffic`: the incumbent always, candidates that
  /// answer something. The one truth about shares, for routing and for the statistics.
  ///
  /// The incumbent's share is what the candidates leave, so that the shares sum to 1 whatever the
  /// policy's decimals add up to in binary. Candidates that ask for more than everything, which a
  /// checked policy never does, are cut down in order.
  package func shares(of traffic: StepTraffic?) -> [ModelName: Share] {
    var left = Share.all
    var shares: [ModelName: Share] = [:]
    for candidate in candidates {
      let share = min(traffic?.share(of: candidate) ?? .none, left)
      guard share > .none else { continue }
      shares[candidate] = share
      left = Share(left.value - share.value) ?? .none
    }
    // 0.3 + 0.3 + 0.4 leaves 10⁻¹⁶ of the traffic, which is nobody's intention.
    shares[incumbent] = left.value < 1e-9 ? Share.none : left
    return shares
  }
}

extension StepTraffic {
  /// The share of the traffic that `candidate` answers itself.
  fileprivate func share(of candidate: ModelName) -> Share {
    switch self {
    case .canary(let weight): weight
    case .split(let weights): weights[candidate] ?? Share.none
    case .shadow, .approval, .pause: Share.none
    }
  }
}
