import Experimentation

/// Reads how an engine stretches positions: `{ scaling: yarn, factor: 4 }`.
struct RopeReader {
  let log: DiagnosticLog

  /// `nil` for `none`, and when something was reported.
  func rope(_ node: PolicyNode) -> RopeSpecification? {
    guard let reader = MappingReader<RopeKey>(node, log: log),
      let word: Word = reader.word(.scaling, "rope scaling")
    else { return nil }
    guard case .scaled(let scaling) = word else {
      if !reader.present([.factor]).isEmpty {
        log.report(
          .misplacedKey, at: reader.position(of: .factor), "'factor' means nothing without scaling",
          hint: "remove it, or name a scaling")
      }
      return nil
    }
    if !reader.hasAny([.factor]) {
      log.report(
        .missingKey, at: reader.position, "missing key 'factor' in rope",
        hint: "it is the wanted context over the trained one")
    }
    return reader.number(.factor).map { RopeSpecification(scaling, factor: $0) }
  }

  /// A scaling, or none.
  private enum Word: RawRepresentable {
    case none
    case scaled(RopeSpecification.Scaling)

    init?(rawValue: String) {
      if rawValue == RopeKey.withoutScaling {
        self = .none
      } else if let scaling = RopeSpecification.Scaling(rawValue: rawValue) {
        self = .scaled(scaling)
      } else {
        return nil
      }
    }

    var rawValue: String {
      switch self {
      case .none: RopeKey.withoutScaling
      case .scaled(let scaling): scaling.rawValue
      }
    }
  }
}
