import Experimentation

/// Reads how an engine stretches positions: `{ scaling: yarn, factor: 4 }`.
struct RopeReader {
  let log: DiagnosticLog

  private static let factors = 1.0...64.0

  /// `nil` for `none`, and when something was reported.
  func rope(_ node: PolicyNode) -> RopeSpecification? {
    guard let reader = MappingReader<RopeKey>(node, log: log),
      let word = reader[.scaling]?.choice("rope scaling", among: Word.allCases, log)
    else { return nil }
    guard let scaling = RopeSpecification.Scaling(rawValue: word.rawValue) else {
      if !reader.present([.factor]).isEmpty {
        log.report(
          .misplacedKey, at: reader.position(of: .factor), "'factor' means nothing without scaling",
          hint: "remove it, or name a scaling")
      }
      return nil
    }
    guard let factorNode = reader[.factor] else {
      if !reader.hasAny([.factor]) {
        log.report(
          .missingKey, at: reader.position, "missing key 'factor' in rope",
          hint: "it is the wanted context over the trained one")
      }
      return nil
    }
    guard let factor = factorNode.number("factor", log)?.value else { return nil }
    guard Self.factors.contains(factor), factor > 1 else {
      log.report(
        .outOfRange, at: factorNode.position, "factor must be above 1, and at most 64")
      return nil
    }
    return RopeSpecification(scaling, factor: factor)
  }

  private enum Word: String, CaseIterable { case none, linear, ntk, dynamicNTK, yarn }
}
