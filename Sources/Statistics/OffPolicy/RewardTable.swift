/// q(x, a): the mean reward of each action in each context, cross-fitted.
///
/// What is predicted of a decision comes from the other half of the log, so that DR stays unbiased
/// whatever the table says.
package struct RewardTable: Hashable, Sendable {
  private struct Cell: Hashable {
    var sum = 0.0
    var count = 0.0

    mutating func add(_ reward: Double) {
      sum += reward
      count += 1
    }
  }

  /// A context's mean is worth so many decisions of the action's mean: few decisions say little.
  private static let prior = 5.0

  private let actions: Int
  private var cells: [Cell]
  /// By fold and action.
  private var totals: [Cell]

  /// - Parameters:
  ///   - contexts: How many kinds of decisions there are, at least 1.
  ///   - actions: How many actions, at least 1.
  package init(contexts: Int, actions: Int) {
    self.actions = max(1, actions)
    cells = [Cell](repeating: Cell(), count: 2 * max(1, contexts) * self.actions)
    totals = [Cell](repeating: Cell(), count: 2 * self.actions)
  }

  private func place(_ context: Int, _ action: Int, _ half: Int) -> Int {
    (half * (cells.count / 2 / actions) + context) * actions + action
  }

  /// Takes a reward in. Contexts and actions are counted from 0; what is beyond is left out.
  ///
  /// - Parameter isOdd: Which half of the log the decision belongs to.
  package mutating func add(context: Int, action: Int, isOdd: Bool, reward: Double) {
    let half = isOdd ? 1 : 0
    guard (0..<actions).contains(action), context >= 0,
      context < cells.count / 2 / actions
    else { return }
    cells[place(context, action, half)].add(reward)
    totals[half * actions + action].add(reward)
  }

  /// The reward that the other half of the log makes expect; 0 of what it does not know.
  package func prediction(context: Int, action: Int, isOdd: Bool) -> Double {
    let half = isOdd ? 0 : 1
    guard (0..<actions).contains(action), context >= 0,
      context < cells.count / 2 / actions
    else { return 0 }
    let total = totals[half * actions + action]
    guard total.count > 0 else { return 0 }
    let cell = cells[place(context, action, half)]
    let mean = total.sum / total.count
    return (cell.sum + Self.prior * mean) / (cell.count + Self.prior)
  }
}
