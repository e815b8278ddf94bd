/// A request for `POST /v1/embeddings`: the fields that the API documents, checked. Any other field
/// is refused by name; `null` means absent, except for `model` and `input`.
///
/// Texts only: tokens, which the API takes too, are those of one model's vocabulary, and a service
/// with several models has several.
package struct EmbeddingRequest: Hashable, Sendable {
  /// The API's own bound on texts of one request.
  package static let maximumTexts = 2_048

  /// How numbers are spelled in the answer.
  package enum Format: String, Hashable, Sendable, CaseIterable {
    /// As numbers of JSON.
    case float
    /// As the bytes of little-endian floats of 32 bits, in base64.
    case base64
  }

  /// As the client names it.
  package var model: String
  /// 1 … ``maximumTexts``, none of them empty.
  package var texts: [String]
  package var format = Format.float
  /// How many numbers a vector shall have, 1 … 65,536; `nil` for as many as the model makes.
  package var dimensions: Int?

  package init(model: String, texts: [String]) {
    self.model = model
    self.texts = texts
  }

  /// Reads a body.
  ///
  /// - Throws: 400 with the first mistake (its field in `param`, or its line and column if the body
  ///   is not even JSON), or 413 for a body that is too large.
  package init(decoding body: [UInt8], limits: RequestLimits = .standard) throws(APIError) {
    let value: JSONValue
    do { value = try JSONValue(parsing: body, limits: limits.json) } catch { throw APIError(error) }
    do { self = try Self.read(value, limits) } catch { throw APIError(request: error) }
  }

  private static let fields = ["model", "input", "encoding_format", "dimensions", "user"]

  private static func read(
    _ value: JSONValue, _ limits: RequestLimits
  ) throws(FieldError) -> EmbeddingRequest {
    guard case .object(let object) = value else {
      throw FieldError.type(value, expected: "an object")
    }
    var request = EmbeddingRequest(model: "", texts: [])
    for member in object.members {
      switch member.key {
      case "model":
        request.model = try member.reading { value throws(FieldError) in
          try value.name(upTo: limits.maximumModelNameBytes).required("a string")
        }
      case "input": request.texts = try member.reading(texts)
      case "encoding_format":
        let format = try member.reading { value throws(FieldError) in try value.word(Format.self) }
        request.format = format ?? .float
      case "dimensions": request.dimensions = try member.integer(in: 1...65_536)
      // Names a person; nobody here needs it.
      case "user": _ = try member.name(upTo: limits.maximumNameBytes)
      default: throw FieldError.unknown(member.key, known: fields)
      }
    }
    guard !request.model.isEmpty else { throw FieldError.missing("model", "Name a model.") }
    guard !request.texts.isEmpty else {
      throw FieldError.missing("input", "Send a string or an array of strings.")
    }
    return request
  }

  private static func texts(_ value: JSONValue) throws(FieldError) -> [String] {
    if case .string = value { return [try text(value)] }
    guard case .array(let elements) = value else {
      throw FieldError.type(value, expected: "a string or an array of strings")
    }
    guard !elements.isEmpty else {
      throw FieldError(.emptyArray, "the array is empty. Expected at least one element.")
    }
    _ = try value.array(upTo: maximumTexts)
    return try elements.reading(text)
  }

  private static func text(_ value: JSONValue) throws(FieldError) -> String {
    switch value {
    case .integer, .array:
      throw FieldError(.unsupported, "tokens are of one model's vocabulary; send texts.")
    default: break
    }
    let text = try value.string(upTo: Int.max).required("a string")
    guard !text.isEmpty else { throw FieldError(.emptyString, "the string is empty.") }
    return text
  }

  /// This request as bytes, for an upstream, which is asked for numbers that everybody can spell.
  ///
  /// - Parameter upstreamModel: what the upstream calls the model
  package func encoded(model upstreamModel: String) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("model", upstreamModel)
    writer.key("input")
    writer.beginArray()
    for text in texts { writer.value(text) }
    writer.endArray()
    writer.member("encoding_format", Format.float.rawValue)
    writer.member("dimensions", dimensions)
    writer.endObject()
    return writer.bytes
  }
}
