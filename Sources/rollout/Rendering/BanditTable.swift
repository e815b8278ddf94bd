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
    lines += arms(last).lines(style).map { "  \($0)" }
    lines.append(
      "  "
        + style.paint(
          "MEAN and BEST are of what all periods showed and set the shares; "
            + "PROOF is how far the tests are that end the step.", .faint))
    lines.append("")
    lines += history.lines(style).map { "  \($0)" }
    return lines + cells(last, style)
  }

  /// The kinds of requests for which another model is ahead than for all traffic.
  private func cells(_ allocation: BanditAllocation, _ style: Style) -> [String] {
    guard let cells = allocation.cells,
      let leader = allocation.arms.indices.max(by: { left, right in
        allocation.arms[left].bestProbability < allocation.arms[right].bestProbability
      })
    else { return [] }
    var table = Table(
      [("REQUESTS", .left), ("REWARDS", .right)] + allocation.arms.map { ($0.model.text, .right) }
        + [("AHEAD", .left)])
    for cell in cells where cell.rewards > 0 {
      guard
        let ahead = cell.bestProbabilities.indices.max(by: {
          cell.bestProbabilities[$0] < cell.bestProbabilities[$1]
        }), ahead != leader, allocation.arms.indices.contains(ahead)
      else { continue }
      table.add(
        [.init(cell.name), .init(Numbers.count(cell.rewards))]
          + cell.shares.map { .init($0.rounded) } + [.init(allocation.arms[ahead].model.text)])
    }
    let model = allocation.arms[leader].model
    let title = "\(model) is ahead over all of \(cells.count) kinds of requests"
    guard !table.rows.isEmpty else { return ["", "  \(title), and in each that has rewards"] }
    return ["", "  \(title); another model in:"] + table.lines(style).map { "  \($0)" }
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
