import Console
import Experimentation

/// A bandit's shares, model by model and period by period.
struct BanditTable {
  let rollout: RolloutResponse

  init(_ rollout: RolloutResponse) {
    self.rollout = rollout
  }

  /// The latest periods that are shown.
  private static let periods = 8

  /// What is known of each model, and the shares of the latest periods; empty before the first.
  func section(_ style: Style) -> [String] {
    guard let last = rollout.allocations.last else { return [] }
    let title = "Bandit, after \(last.number) allocation\(last.number == 1 ? "" : "s")"
    var lines = [style.paint(title, .bold)]
    lines += arms(last).lines(style).map { "  \($0)" } + [""]
    lines += history.lines(style).map { "  \($0)" }
    return lines
  }

  private func arms(_ allocation: BanditAllocation) -> Table {
    var table = Table([
      ("MODEL", .left), ("SHARE", .right), ("REWARDS", .right), ("MEAN", .right),
      ("BEST", .right), ("PROOF", .right), ("", .left),
    ])
    for arm in allocation.arms {
      table.add([
        .init(arm.model.text), .init(arm.share.rounded), .init(Numbers.count(arm.rewards)),
        .init(arm.mean.map { "\(($0 * 10_000).rounded() / 10_000)" } ?? Numbers.unknown),
        .init(Share(min(arm.bestProbability, 1))?.rounded ?? Numbers.unknown),
        .init("\(Int(arm.progress * 100))%"),
        .init(arm.model == allocation.winner ? "the one to take" : "", .green),
      ])
    }
    return table
  }

  private var history: Table {
    var table = Table(
      [("NO.", .right)] + (rollout.allocations.last?.arms ?? []).map { ($0.model.text, .right) })
    for allocation in rollout.allocations.suffix(Self.periods) {
      table.add(
        [.init("\(allocation.number)")] + allocation.arms.map { .init($0.share.rounded) })
    }
    return table
  }
}
