import Experimentation

/// Reads which units take part in a rollout: `layer:`.
struct LayerReader {
  let log: DiagnosticLog

  /// Two percentages with a dash between.
  static let rangePattern =
    "^\(ValueForm.digits)(\\.[0-9]+)?%-\(ValueForm.digits)(\\.[0-9]+)?%$"

  /// `nil` when there was a mistake.
  func layer(_ node: PolicyNode) -> LayerRange? {
    guard let reader = MappingReader<LayerKey>(node, log: log) else { return nil }
    let name: LayerName? = reader[.name].flatMap { $0.name("the layer's name", log) }
    guard let node = reader[.range], let range = range(node), let name else { return nil }
    return LayerRange(name: name, lower: range.lower, upper: range.upper)
  }

  private func range(_ node: PolicyNode) -> (lower: Share, upper: Share)? {
    guard let text = node.scalar("a range", log)?.text else { return nil }
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { end in
      Quantity(String(end)).flatMap { $0.unit == "%" ? $0 : nil }
    }
    if ends.contains(where: { end in end.map { node.reportLostDigits(of: $0, log) } ?? false }) {
      return nil
    }
    let shares = ends.map { $0?.scaled(byTenTo: -2).flatMap(Share.init) }
    guard shares.count == 2, let lower = shares[0], let upper = shares[1], lower < upper else {
      log.report(
        .outOfRange, at: node.position,
        "'\(text.clipped)' is no range of units: two percentages, the first below the second",
        hint: "write '0%-50%' for one half of the layer, '50%-100%' for the other")
      return nil
    }
    return (lower, upper)
  }
}

extension LayerKey {
  var entry: KeyEntry {
    switch self {
    case .name:
      KeyEntry(.word(.name), "rollouts of other routes that name it have none of these units")
    case .range:
      KeyEntry(
        .pattern(LayerReader.rangePattern),
        """
        `0%-50%`: which part of the layer's units takes part; each unit has its place in the \
        layer, whatever the rollout's salt
        """)
    }
  }
}
