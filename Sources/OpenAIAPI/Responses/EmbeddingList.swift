/// An answer of `POST /v1/embeddings`: a vector for each text, in their order.
package struct EmbeddingList: Hashable, Sendable {
  /// Numbers of all vectors of one answer together, so that it has a bound whatever the model is:
  /// 4 MiB as floats, and about 12 as numbers of JSON.
  package static let maximumNumbers = 1 << 20
  private static let maximumBytes = 16 << 20

  /// All of one dimension, finite, none of them all zeros.
  package var vectors: [[Float]]
  /// Who made them; an upstream may say which revision.
  package var model: String
  /// Tokens that were read; `nil` when nobody counted.
  package var promptTokens: Int?

  package init(vectors: [[Float]], model: String, promptTokens: Int?) {
    self.vectors = vectors
    self.model = model
    self.promptTokens = promptTokens
  }

  /// The answer as bytes.
  package func encoded(_ format: EmbeddingRequest.Format) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("object", "list")
    writer.key("data")
    writer.beginArray()
    for (index, vector) in vectors.enumerated() {
      writer.beginObject()
      writer.member("object", "embedding")
      writer.member("index", index)
      writer.key("embedding")
      switch format {
      case .float:
        writer.beginArray()
        for number in vector { writer.value(number) }
        writer.endArray()
      case .base64: writer.value(Base64.standard.encode(Self.bytes(of: vector)))
      }
      writer.endObject()
    }
    writer.endArray()
    writer.member("model", model)
    writer.key("usage")
    writer.beginObject()
    writer.member("prompt_tokens", promptTokens ?? 0)
    writer.member("total_tokens", promptTokens ?? 0)
    writer.endObject()
    writer.endObject()
    return writer.bytes
  }

  private static func bytes(of vector: [Float]) -> [UInt8] {
    vector.flatMap { number in
      withUnsafeBytes(of: number.bitPattern.littleEndian) { Array($0) }
    }
  }
}

// MARK: - Reading

extension EmbeddingList {
  /// Bytes of an upstream's answer that are read at most.
  package static var limits: ResponseLimits {
    var limits = ResponseLimits.standard
    limits.maximumBytes = maximumBytes
    return limits
  }

  /// Reads an upstream's answer, strictly: what is compared must be what was asked for.
  ///
  /// - Parameters:
  ///   - count: of the texts that were sent
  ///   - dimensions: that were asked for; `nil` for any
  /// - Throws: 502 `malformed`, with the field: another count, an index twice or none, dimensions
  ///   that differ, numbers that are no floats, a vector of zeros, which has no direction.
  package init(decoding body: [UInt8], count: Int, dimensions: Int?) throws(APIError) {
    let members = try body.withUnsafeBufferPointer { (bytes) throws(APIError) in
      try Self.limits.members(of: bytes)
    }
    do throws(FieldError) {
      self.init(vectors: [], model: "", promptTokens: nil)
      var entries: [(index: Int, vector: [Float])]?
      for member in members {
        switch member.key {
        case "data":
          var left = Self.maximumNumbers
          entries = try member.elements(upTo: count) { value throws(FieldError) in
            try Self.entry(value, below: count, &left)
          }
        case "model": model = try member.string(upTo: 1_024) ?? ""
        case "usage":
          promptTokens = try member.reading { value throws(FieldError) in
            try Usage(value)?.promptTokens
          }
        default: break
        }
      }
      guard let entries else { throw FieldError.missing("data", "A list has entries.") }
      do { vectors = try Self.ordered(entries, count, dimensions) } catch {
        throw error.inside("data")
      }
    } catch { throw APIError(response: error) }
  }

  /// Puts the vectors into the order of their texts.
  private static func ordered(
    _ entries: [(index: Int, vector: [Float])], _ count: Int, _ dimensions: Int?
  ) throws(FieldError) -> [[Float]] {
    guard entries.count == count else {
      throw FieldError(.invalidValue, "\(entries.count) vectors for \(count) texts.")
    }
    var vectors = [[Float]?](repeating: nil, count: count)
    let width = dimensions ?? entries.first?.vector.count ?? 0
    for (place, entry) in entries.enumerated() {
      guard vectors[entry.index] == nil else {
        throw FieldError(.invalidValue, "there twice.", path: "index").inside(place)
      }
      guard entry.vector.count == width else {
        throw FieldError(
          .invalidValue, "\(entry.vector.count) numbers where \(width) are due.", path: "embedding"
        ).inside(place)
      }
      vectors[entry.index] = entry.vector
    }
    return vectors.compactMap(\.self)
  }

  /// - Parameter left: numbers that there is room for
  private static func entry(
    _ value: JSONValue, below count: Int, _ left: inout Int
  ) throws(FieldError) -> (index: Int, vector: [Float]) {
    var index: Int?
    var vector: [Float]?
    for member in try value.object().required("an object").members {
      switch member.key {
      case "index": index = try member.integer(in: 0...max(0, count - 1))
      case "embedding":
        let room = left
        vector = try member.reading { value throws(FieldError) in
          try self.vector(value, upTo: room)
        }
      default: break
      }
    }
    guard let index else { throw FieldError.missing("index", "Say which text it is of.") }
    guard let vector else { throw FieldError.missing("embedding", "Send the vector.") }
    left -= vector.count
    return (index, vector)
  }

  /// Numbers, or base64 of floats, which some servers send whatever was asked for.
  private static func vector(
    _ value: JSONValue, upTo room: Int
  ) throws(FieldError) -> [Float] {
    let numbers: [Float]
    if case .string(let text) = value {
      guard let bytes = Base64.standard.decode(text.utf8), bytes.count % 4 == 0,
        bytes.count / 4 <= room
      else {
        throw FieldError(.invalidValue, "no base64 of floats, or too many.")
      }
      numbers = stride(from: 0, to: bytes.count, by: 4).map { place in
        Float(
          bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << UInt32(8 * $1) })
      }
    } else {
      numbers = try value.array(upTo: room).required("an array").reading {
        value throws(FieldError) in
        // Beyond the range of a float it becomes infinite, which is refused below.
        Float(try value.number(in: -Double.infinity...Double.infinity).required("a number"))
      }
    }
    guard numbers.allSatisfy(\.isFinite) else {
      throw FieldError(.invalidValue, "a number is beyond those of 32 bits.")
    }
    guard numbers.contains(where: { $0 != 0 }) else {
      throw FieldError(.invalidValue, "a vector without direction: nothing, or zeros.")
    }
    return numbers
  }
}
