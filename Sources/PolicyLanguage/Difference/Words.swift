/// Values as policies write them.
enum Words {
  /// `90s`, `10m`, `36h`, `2d`: in the largest unit that leaves a whole number.
  static func duration(_ seconds: Double) -> String {
    for (unit, size) in [("d", 86_400.0), ("h", 3_600), ("m", 60)]
    where seconds >= size && (seconds / size).rounded() * size == seconds {
      return "\(decimal(seconds / size))\(unit)"
    }
    return seconds < 1 ? "\(decimal(seconds * 1_000))ms" : "\(decimal(seconds))s"
  }

  /// To a millionth, without zeros at the end.
  static func decimal(_ number: Double) -> String {
    let rounded = (number * 1e6).rounded() / 1e6
    return Int(exactly: rounded).map(String.init) ?? "\(rounded)"
  }
}
