#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The C library's functions under one roof, so that no other file asks which C library it is.
extension Double {
  static func exp(_ x: Double) -> Double { _exp(x) }
  static func expMinusOne(_ x: Double) -> Double { expm1(x) }
  static func log(_ x: Double) -> Double { _log(x) }
}

// Outside `Double`, where the bare names would find the functions above.
private func _exp(_ x: Double) -> Double { exp(x) }
private func _log(_ x: Double) -> Double { log(x) }
