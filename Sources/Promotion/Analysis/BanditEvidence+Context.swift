import Experimentation
import Statistics

/// Shares for each cell of a context.
///
/// What is learned of an arm in one cell is evidence of it in those that are like it
/// (``LinearArms``); what it gets there is the chance that it is the best there, integrated and
/// rounded as without a context. The end is that of all bandits: one model for all traffic.
extension BanditEvidence {
  /// The allocation `number`, whose cells are computed anew.
  ///
  /// - Parameter isOpen: by arm, whether its model is still in
  func allocation(
    _ number: Int, of context: BanditContext, winner: Int?, isOpen: [Bool]
  ) -> BanditAllocation {
    let samples = cellSamples(at: number)
    let levels = (0..<cellCount).map { context.levels(of: $0) }
    let posteriors = LinearArms.posteriors(samples, levels: levels)
    var cells: [BanditAllocation.Cell] = []
    var (shares, best) = (arms.map { _ in 0.0 }, arms.map { _ in 0.0 })
    let all = max(cellCounts.reduce(0, +), 1)
    for cell in 0..<cellCount {
      let chances = chances(arms.indices.map { posteriors[$0][cell] }, isOpen)
      let weights =
        winner.map { winner in arms.indices.map { $0 == winner ? 1.0 : 0 } } ?? chances
      let whole = self.shares(weights, isOpen)
      let part = Double(cellCounts[cell]) / Double(all)
      for arm in arms.indices {
        shares[arm] += part * whole[arm]
        best[arm] += part * chances[arm]
      }
      cells.append(
        BanditAllocation.Cell(
          name: context.name(of: cell), shares: whole.map { Share($0) ?? .none },
          rewards: cellCounts[cell], bestProbabilities: chances))
    }
    // As all traffic was: for people, since each cell has its own.
    let overall = WholeShares.of(shares, floor: 0)
    return BanditAllocation(
      number: number,
      arms: parts(overall, arms.indices.map { pooled(samples[$0]) }, best: best, isOpen),
      winner: winner.map { arms[$0] }, cells: cells)
  }

  /// By arm and cell, older periods weighed less where a half-life says so.
  private func cellSamples(at number: Int) -> [[ArmSample]] {
    var parts: [[(rewards: [RewardSum], weight: Double)]] = (0..<cellCount).map { _ in [] }
    for (table, period) in periods.sorted(by: { $0.key < $1.key }) {
      parts[table % cellCount].append((period.rewards, weight(of: table, at: number)))
    }
    return arms.indices.map { arm in
      parts.map { periods in
        ArmSample(periods.map { (rewards: $0.rewards[arm], weight: $0.weight) })
      }
    }
  }

  /// The rewards of all cells together: for people.
  private func pooled(_ cells: [ArmSample]) -> ArmSample {
    let count = cells.reduce(0) { $0 + $1.count }
    guard count > 0 else { return .none }
    let mean = cells.reduce(0) { $0 + $1.count * ($1.mean ?? 0) } / count
    return ArmSample(count: count, mean: mean, squaredDeviations: 0)
  }
}
