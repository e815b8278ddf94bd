#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How a model's rotation is stretched to texts longer than those it was trained on.
///
/// The factor s is the wanted context over the trained one; θ_c = base^(−2c / d), and d channels
/// rotate.
package enum RotaryScaling: Hashable, Sendable {
  /// As the file says.
  case none
  /// θ / s. Chen et al. 2023, "Extending Context Window of LLMs via Positional Interpolation",
  /// equation 4.
  case linear(factor: Double)
  /// base · s^(d / (d − 2)), so that the fastest pair stays and the slowest turns s times slower.
  /// Peng et al. 2023, "YaRN", section 3.1, definition 1.
  case ntk(factor: Double)
  /// As `ntk`, with an s that grows with the text: max(1, length / trained), up to `factor`.
  /// Peng et al. 2023, section 3.3. `RotaryTables` says in which steps it grows.
  case dynamicNTK(factor: Double)
  /// Slow pairs are interpolated, fast ones stay, and the logits grow by (0.1 · ln s + 1)².
  /// Peng et al. 2023, definitions 2 and 3, equation 22.
  case yarn(factor: Double, ramp: YaRNRamp = .turns)

  /// The greatest factor that is accepted.
  package static let factorLimit = 64.0

  var factor: Double {
    switch self {
    case .none: 1
    case .linear(let factor), .ntk(let factor), .dynamicNTK(let factor), .yarn(let factor, _):
      factor
    }
  }

  /// Refuses factors without meaning.
  ///
  /// - Throws: `invalidRequest`
  func check() throws(TransformerError) {
    guard factor >= 1, factor <= Self.factorLimit else {
      throw TransformerError(
        .invalidRequest,
        "a RoPE factor of \(factor); use one from 1 to \(Int(Self.factorLimit))")
    }
  }

  /// The table for the factor `s`, which is the case's own except for `dynamicNTK`.
  ///
  /// - Parameter trained: positions that the model was trained on before any scaling
  func table(_ parameters: HyperParameters, trained: Int, factor s: Double) -> RotaryTable {
    let own = RotaryTable(parameters)
    switch self {
    case .none: return own
    case .linear: return RotaryTable(frequencies: own.frequencies.map { $0 / s })
    case .ntk, .dynamicNTK:
      let width = Double(parameters.rotaryWidth)
      // Two channels are one pair, the fastest, which every base turns by 1.
      guard width > 2 else { return own }
      return RotaryTable(parameters, base: parameters.rotaryBase * pow(s, width / (width - 2)))
    case .yarn(_, let ramp):
      let kept = ramp.keptShares(own, parameters, trained: trained)
      return RotaryTable(
        frequencies: zip(own.frequencies, kept).map { theta, kept in
          (1 - kept) * theta / s + kept * theta
        },
        magnitude: s > 1 ? 0.1 * log(s) + 1 : 1)
    }
  }
}

/// How YaRN goes over from pairs that keep their frequency to those that are interpolated: between
/// β = 32 turns within the trained context and α = 1.
package enum YaRNRamp: Hashable, Sendable {
  /// Linear in the turns r of a pair, γ = (r − α) / (β − α): Peng et al. 2023, equation 18.
  case turns
  /// Linear in the pair's number, between the whole numbers around those of β and α turns: what
  /// the authors' program, `transformers` and llama.cpp compute. So files that were trained with
  /// YaRN want this one.
  case pairs

  private static let fewTurns = 1.0
  private static let manyTurns = 32.0

  /// γ: for each pair, the share of its frequency that stays, 0…1.
  fileprivate func keptShares(
    _ table: RotaryTable, _ parameters: HyperParameters, trained: Int
  ) -> [Double] {
    let (few, many) = (Self.fewTurns, Self.manyTurns)
    switch self {
    case .turns:
      return table.frequencies.map { theta in
        let turns = Double(trained) * theta / (2 * Double.pi)
        return min(1, max(0, (turns - few) / (many - few)))
      }
    case .pairs:
      let width = Double(parameters.rotaryWidth)
      /// The pair, maybe between two, that makes so many turns within the trained context.
      func pair(turns: Double) -> Double {
        width * log(Double(trained) / (turns * 2 * Double.pi)) / (2 * log(parameters.rotaryBase))
      }
      let first = max(0, pair(turns: many).rounded(.down))
      let last = min(width - 1, pair(turns: few).rounded(.up))
      return table.frequencies.indices.map { index in
        1 - min(1, max(0, (Double(index) - first) / max(0.001, last - first)))
      }
    }
  }
}
