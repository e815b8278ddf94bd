import OpenAIAPI

/// Whether two answers call the same functions.
package enum CallEquality {
  /// 1 when both call the same functions, each as often, with the same arguments; 0 otherwise, also
  /// where only one calls; `nil` where neither does, and where an answer is longer than is looked
  /// at.
  ///
  /// Arguments are compared as values of JSON: whatever the order of their keys, `1`, `1.0` and
  /// `1e0` alike. Calls of one answer run side by side, so that their order says nothing. Arguments
  /// that are no JSON object, or have a key twice, are compared letter by letter; no text at all is
  /// the empty object, as some servers write it.
  package static func value(_ first: CheckedAnswer, _ second: CheckedAnswer) -> Double? {
    guard max(first.byteCount, second.byteCount) <= CheckedAnswer.maximumBytes else { return nil }
    if first.calls.isEmpty, second.calls.isEmpty { return nil }
    guard first.calls.count == second.calls.count else { return 0 }
    var calls: [Call: Int] = [:]
    for call in first.calls { calls[Call(call), default: 0] += 1 }
    for call in second.calls {
      let call = Call(call)
      guard let count = calls[call], count > 0 else { return 0 }
      calls[call] = count - 1
    }
    return 1
  }

  private struct Call: Hashable {
    var name: String
    var arguments: Arguments

    init(_ call: CheckedAnswer.FunctionCall) {
      name = call.name
      let isBlank = call.arguments.utf8.allSatisfy { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
      let text = isBlank ? "{}" : call.arguments
      if let value = try? JSONValue(parsing: Array(text.utf8)), case .object = value {
        arguments = .value(PlainValue(value))
      } else {
        arguments = .text(call.arguments)
      }
    }
  }

  private enum Arguments: Hashable {
    case value(PlainValue)
    case text(String)
  }

  /// A value of JSON without what is no part of it: the order of keys, and how a number is spelled.
  private indirect enum PlainValue: Hashable {
    case null
    case bool(Bool)
    /// Within 64 bits, exactly.
    case integer(Int64)
    case number(Double)
    /// By code points: what looks alike may be another name elsewhere.
    case string([UInt8])
    case array([PlainValue])
    case object([[UInt8]: PlainValue])

    init(_ value: JSONValue) {
      switch value {
      case .null: self = .null
      case .bool(let bool): self = .bool(bool)
      case .integer(let integer): self = .integer(integer)
      // `1.0` is 1; −0 is 0.
      case .double(let number): self = Int64(exactly: number).map(Self.integer) ?? .number(number)
      case .string(let text): self = .string(Array(text.utf8))
      case .array(let elements): self = .array(elements.map(PlainValue.init))
      case .object(let object):
        self = .object(
          Dictionary(
            object.members.map { (Array($0.key.utf8), PlainValue($0.value)) },
            uniquingKeysWith: { first, _ in first }))
      }
    }
  }
}
