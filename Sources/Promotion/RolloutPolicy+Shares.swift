package import Experimentation
import Statistics

extension RolloutPolicy {
  /// Who answers how much of the traffic under `traffic`: the incumbent always, candidates that
  /// answer something. The one truth about shares, for routing and for the statistics.
  ///
  /// The incumbent's share is what the candidates leave, so that the shares sum to 1 whatever the
  /// policy's decimals add up to in binary. Candidates that ask for more than everything, which a
  /// checked policy never does, are cut down in order.
  ///
  /// - Parameter allocation: what a bandit gives out at present; `nil` while it knows nothing, when
  ///   every model gets as much
  package func shares(
    of traffic: StepTraffic?, allocation: BanditAllocation? = nil
  ) -> [ModelName: Share] {
    if case .bandit = traffic { return allocation?.shares ?? evenShares }
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

  /// The incumbent first, then the candidates: the arms of a bandit.
  package var arms: [ModelName] { [incumbent] + candidates }

  private var evenShares: [ModelName: Share] {
    let even = WholeShares.of(arms.map { _ in 1 }, floor: 0).map { Share($0) ?? .none }
    return Dictionary(zip(arms, even), uniquingKeysWith: { first, _ in first })
  }
}

extension RolloutState {
  /// The shares by which models are drawn at present: those of the policy's step or of the bandit's
  /// allocation, whoever has left meanwhile.
  ///
  /// A candidate that has left keeps its places in the draw, which the incumbent answers, outside
  /// of the experiment. So nobody but its own users meets another model, no share that evidence is
  /// weighed by changes, and weights that grow later still move nobody back.
  package var drawnShares: [ModelName: Share] {
    policy.shares(of: traffic, allocation: allocations.last)
  }

  /// The same in a cell of a bandit's context.
  package func drawnShares(in cell: Int) -> [ModelName: Share] {
    allocations.last?.shares(in: cell) ?? policy.shares(of: traffic)
  }

  /// Who answers how much at present.
  package var shares: [ModelName: Share] {
    var shares = drawnShares
    var own = shares[policy.incumbent]?.value ?? 0
    for candidate in dropped {
      own += shares.removeValue(forKey: candidate.model)?.value ?? 0
    }
    if !dropped.isEmpty { shares[policy.incumbent] = Share(min(own, 1)) ?? .all }
    return shares
  }
}

extension StepTraffic {
  /// The share of the traffic that `candidate` answers itself.
  fileprivate func share(of candidate: ModelName) -> Share {
    switch self {
    case .canary(let weight): weight
    case .split(let weights): weights[candidate] ?? Share.none
    case .shadow, .bandit, .interleave, .approval, .pause: Share.none
    }
  }
}
