/// Linear Thompson sampling over a finite grid of contexts: what is believed of each arm's mean
/// reward in each cell.
///
/// Each arm has a Bayesian linear regression of its own (Agrawal and Goyal, "Thompson sampling for
/// contextual bandits with linear payoffs", ICML 2013) on a constant, an indicator of each
/// feature's value, and one of the cell: θ_c = m + a + Σₖ b_{k, level k of c} + d_c, with
/// independent Gaussian priors on a, b and d. The regression is the same whether it is written in
/// weights or in the cells' means, whose prior covariance is σ²κ with κ(c, c') = w₀ + Σₖ w₁[equal
/// level] + w₂[c = c'] (Rasmussen and Williams, "Gaussian processes for machine learning", 2006,
/// 2.1 and 2.25); there are at most 64 cells, so the latter is taken. A cell without rewards
/// borrows from those that are like it, and one with many is believed by itself.
///
/// What is integrated afterwards are the cells' marginals: nothing is drawn.
package enum LinearArms {
  /// Prior variances in units of one reward's: of the constant, of each feature's value, of what a
  /// cell has beside these. Models mostly differ by less than one reward scatters, and by less from
  /// one kind of request to the next; a hundred rewards of a cell outweigh any of it.
  private static let constantVariance = 0.25
  private static let featureVariance = 0.05
  private static let cellVariance = 0.02

  /// The posteriors, by arm and cell.
  ///
  /// Rewards of all arms and cells together set the middle and the scale, so that neither unit nor
  /// origin of the reward matters; the variance of one reward is that within arms and cells, with
  /// one value's worth of the whole.
  ///
  /// - Parameters:
  ///   - samples: by arm and cell
  ///   - levels: of each cell, as many as each other's
  /// - Complexity: O(arms · cells³).
  package static func posteriors(
    _ samples: [[ArmSample]], levels: [[Int]]
  ) -> [[ArmPosterior]] {
    let all: [ArmSample] = samples.reduce([], +).filter { $0.count > 0 }
    let count = all.reduce(0.0) { $0 + $1.count }
    let sum = all.reduce(0.0) { $0 + $1.count * ($1.mean ?? 0) }
    let middle = count > 0 ? sum / count : 0
    let within = all.reduce(0.0) { $0 + $1.squaredDeviations }
    let between = all.reduce(0.0) { sum, sample in
      let distance = (sample.mean ?? middle) - middle
      return sum + sample.count * distance * distance
    }
    let whole = count > 0 ? (within + between) / count : 0
    // Values without any spread are no reason to be certain.
    let spread = max((within + whole) / (count + 1), max(middle * middle, 1) * 1e-6)
    let kernels = levels.indices.map { row in
      levels.indices.map { kernel(levels[row], levels[$0], isSame: row == $0) }
    }
    return samples.map { cells in
      posteriors(cells, kernels, middle: middle, spread: spread, degrees: 2 + count)
    }
  }

  private static func kernel(_ left: [Int], _ right: [Int], isSame: Bool) -> Double {
    let equal = zip(left, right).count { $0 == $1 }
    return constantVariance + Double(equal) * featureVariance + (isSame ? cellVariance : 0)
  }

  /// One arm's cells: mean = m + κ_{·o}(κ_oo + N⁻¹)⁻¹(y − m) and variance = σ²(κ_cc − κ_co(κ_oo +
  /// N⁻¹)⁻¹κ_oc), o the cells that have rewards.
  private static func posteriors(
    _ cells: [ArmSample], _ kernel: [[Double]], middle: Double, spread: Double, degrees: Double
  ) -> [ArmPosterior] {
    let seen = cells.indices.filter { cells[$0].count > 0 }
    let factor = Cholesky(
      seen.map { row in
        seen.map { kernel[row][$0] + (row == $0 ? 1 / cells[row].count : 0) }
      })
    let distances = factor.solved(seen.map { (cells[$0].mean ?? middle) - middle })
    return cells.indices.map { cell in
      // With L the factor: κ_co A⁻¹ y is (L⁻¹κ_oc)·(L⁻¹y), and the variance takes its square.
      let toSeen = factor.solved(seen.map { kernel[cell][$0] })
      let mean = zip(toSeen, distances).reduce(middle) { $0 + $1.0 * $1.1 }
      let known = toSeen.reduce(0) { $0 + $1 * $1 }
      let variance = max(kernel[cell][cell] - known, 1e-12) * spread
      return .student(
        location: mean, scale: variance.squareRoot(), degreesOfFreedom: degrees)
    }
  }
}

/// A = LLᵀ of a symmetric matrix that is positive definite.
struct Cholesky {
  /// L, by rows up to the diagonal.
  private var rows: [[Double]] = []

  init(_ matrix: [[Double]]) {
    for (index, values) in matrix.enumerated() {
      var row: [Double] = []
      for column in 0...index {
        let other = column < index ? rows[column] : row
        let product = zip(row, other).reduce(0) { $0 + $1.0 * $1.1 }
        let rest = values[column] - product
        // The diagonal has 1/n on it; what rounding leaves of it stays above 0.
        row.append(column < index ? rest / rows[column][column] : max(rest, 1e-15).squareRoot())
      }
      rows.append(row)
    }
  }

  /// L⁻¹ of `vector`.
  func solved(_ vector: [Double]) -> [Double] {
    var solved: [Double] = []
    for (index, row) in rows.enumerated() {
      let product = zip(row, solved).reduce(0) { $0 + $1.0 * $1.1 }
      solved.append((vector[index] - product) / row[index])
    }
    return solved
  }
}
