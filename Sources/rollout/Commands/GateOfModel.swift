import Backends
import Transformer

/// A gate from outside, for the weights that it was distilled from.
enum GateOfModel {
  /// Hashes the weights, which takes as long as reading their file.
  ///
  /// - Throws: what reading either file throws; `invalidRequest` for a gate of other weights
  static func read(path: String, for weights: GGUFFile) throws(TransformerError) -> Gate {
    let gate = try GateFile.read(path: path)
    try gate.check(digest: WeightDigest.hex(of: [weights.file]))
    return gate
  }
}
