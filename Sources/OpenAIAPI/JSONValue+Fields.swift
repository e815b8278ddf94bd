// Readers of single values. Each answers `nil` for null, which the API treats as an absent field,
// and otherwise the value in range or an error that says what was found and what is allowed.

extension JSONValue {
  func string(upTo maximumBytes: Int) throws(FieldError) -> String? {
    guard case .string(let text) = self else { return try nilIfNull(expected: "a string") }
    guard text.utf8.count <= maximumBytes else {
      throw FieldError(
        .stringTooLong,
        "string too long. Expected at most \(maximumBytes) bytes, but got \(text.utf8.count).")
    }
    return text
  }

  /// A string that names something: not empty and without control characters, so that it may stand
  /// in a header, a log line or a label.
  func name(upTo maximumBytes: Int) throws(FieldError) -> String? {
    guard let text = try string(upTo: maximumBytes) else { return nil }
    guard !text.isEmpty else { throw FieldError(.emptyString, "the string is empty.") }
    guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      throw FieldError(.invalidValue, "control characters are not allowed.")
    }
    return text
  }

  /// One of a few words.
  func word<Word: RawRepresentable & CaseIterable>(
    _ type: Word.Type
  ) throws(FieldError) -> Word? where Word.RawValue == String {
    guard case .string(let text) = self else { return try nilIfNull(expected: "a string") }
    guard let word = Word(rawValue: text) else {
      let allowed = Word.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
      throw FieldError(
        .invalidValue, "found '\(excerpt(text))'. Supported values are: \(allowed).")
    }
    return word
  }

  func boolean() throws(FieldError) -> Bool? {
    guard case .bool(let value) = self else { return try nilIfNull(expected: "a boolean") }
    return value
  }

  func integer(in range: ClosedRange<Int>) throws(FieldError) -> Int? {
    guard case .integer(let value) = self else {
      if case .double(let value) = self {
        // Whole, but beyond 64 bits: nobody should be told that it is no integer.
        if value.magnitude >= 0x1p63 {
          throw Self.outOfRange("\(value)", isBelow: value < 0, range)
        }
        throw FieldError(.invalidType, "expected an integer, but got \(value) instead.")
      }
      return try nilIfNull(expected: "an integer")
    }
    guard let integer = Int(exactly: value), range.contains(integer) else {
      throw Self.outOfRange("\(value)", isBelow: value < range.lowerBound, range)
    }
    return integer
  }

  private static func outOfRange(
    _ value: String, isBelow: Bool, _ range: ClosedRange<Int>
  ) -> FieldError {
    let bound = isBelow ? ">= \(range.lowerBound)" : "<= \(range.upperBound)"
    return FieldError(
      isBelow ? .integerBelow : .integerAbove,
      "integer \(isBelow ? "below minimum" : "above maximum") value. "
        + "Expected a value \(bound), but got \(value) instead.")
  }

  func number(in range: ClosedRange<Double>) throws(FieldError) -> Double? {
    let value: Double
    switch self {
    case .integer(let integer): value = Double(integer)
    case .double(let double): value = double
    default: return try nilIfNull(expected: "a number")
    }
    guard range.contains(value) else {
      let isBelow = value < range.lowerBound
      let bound = isBelow ? ">= \(range.lowerBound)" : "<= \(range.upperBound)"
      throw FieldError(
        isBelow ? .decimalBelow : .decimalAbove,
        "decimal \(isBelow ? "below minimum" : "above maximum") value. "
          + "Expected a value \(bound), but got \(value) instead.")
    }
    return value
  }

  func array(upTo maximumCount: Int) throws(FieldError) -> [JSONValue]? {
    guard case .array(let elements) = self else { return try nilIfNull(expected: "an array") }
    guard elements.count <= maximumCount else {
      throw FieldError(
        .arrayTooLong,
        "array too long. Expected at most \(maximumCount) elements, but got \(elements.count).")
    }
    return elements
  }

  func object() throws(FieldError) -> JSONObject? {
    guard case .object(let object) = self else { return try nilIfNull(expected: "an object") }
    return object
  }

  private func nilIfNull<T>(expected: String) throws(FieldError) -> T? {
    guard case .null = self else { throw FieldError.type(self, expected: expected) }
    return nil
  }
}

extension JSONObject.Member {
  /// Reads the value with `read`, naming this member in what goes wrong.
  func reading<T>(
    _ read: (JSONValue) throws(FieldError) -> T
  ) throws(FieldError) -> T {
    do { return try read(value) } catch { throw error.inside(key) }
  }

  func string(upTo maximumBytes: Int) throws(FieldError) -> String? {
    do { return try value.string(upTo: maximumBytes) } catch { throw error.inside(key) }
  }

  func name(upTo maximumBytes: Int) throws(FieldError) -> String? {
    do { return try value.name(upTo: maximumBytes) } catch { throw error.inside(key) }
  }

  func boolean() throws(FieldError) -> Bool? {
    do { return try value.boolean() } catch { throw error.inside(key) }
  }

  func integer(in range: ClosedRange<Int>) throws(FieldError) -> Int? {
    do { return try value.integer(in: range) } catch { throw error.inside(key) }
  }

  func number(in range: ClosedRange<Double>) throws(FieldError) -> Double? {
    do { return try value.number(in: range) } catch { throw error.inside(key) }
  }

  func array(upTo maximumCount: Int) throws(FieldError) -> [JSONValue]? {
    do { return try value.array(upTo: maximumCount) } catch { throw error.inside(key) }
  }

  func object() throws(FieldError) -> JSONObject? {
    do { return try value.object() } catch { throw error.inside(key) }
  }

  /// Reads each element of an array, naming its place in what goes wrong; `nil` for null.
  func elements<T>(
    upTo maximumCount: Int, _ read: (JSONValue) throws(FieldError) -> T
  ) throws(FieldError) -> [T]? {
    guard let elements = try array(upTo: maximumCount) else { return nil }
    do { return try elements.reading(read) } catch { throw error.inside(key) }
  }
}

extension [JSONValue] {
  /// Reads each element, naming its place in what goes wrong.
  func reading<T>(_ read: (JSONValue) throws(FieldError) -> T) throws(FieldError) -> [T] {
    var results: [T] = []
    results.reserveCapacity(count)
    for (index, element) in enumerated() {
      do { results.append(try read(element)) } catch { throw error.inside(index) }
    }
    return results
  }
}

extension Optional {
  /// The value, or the error where it was null.
  func required(_ expected: String) throws(FieldError) -> Wrapped {
    guard let self else { throw FieldError.type(.null, expected: expected) }
    return self
  }
}
