extension Duration {
  /// As people say it, in its two largest units: `3d 4h`, `12m 5s`, `8s`. Below zero is `0s`.
  package var inWords: String {
    let seconds = max(0, components.seconds)
    let units: [(name: String, value: Int64)] = [
      ("d", seconds / 86_400), ("h", seconds / 3_600 % 24), ("m", seconds / 60 % 60),
      ("s", seconds % 60),
    ]
    guard let first = units.firstIndex(where: { $0.value > 0 }) else { return "0s" }
    return units[first...].prefix(2).filter { $0.value > 0 }.map { "\($0.value)\($0.name)" }
      .joined(separator: " ")
  }
}
