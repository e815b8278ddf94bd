/// A body of `POST /v1/feedback`: what somebody thinks of an answer.
///
/// OpenAI has no such route; this one is spelled and refused like its others. The value is a number
/// from 0 to 1 or a thumb, which stands for 1 and 0.
package struct FeedbackRequest: Hashable, Sendable {
  /// Of the answer, as its header `x-request-id` says. With or without a token.
  package var requestID: String?
  /// Of the answer, as its header `x-rollout-feedback-token` says: needs no key.
  package var token: String?
  /// Which of the answer's choices; `nil` is the first of an answer that one model gave.
  package var choice: Int?
  /// What is rated; `nil` is the usual.
  package var metric: String?
  /// 0…1; higher is better.
  package var value: Double
  package var text: String?

  /// Bounds on a body.
  package static let maximumBytes = 16 << 10
  package static let maximumTextBytes = 4_096
  private static let maximumTokenBytes = 2_048
  private static let maximumRequestIDBytes = 128
  private static let maximumNameBytes = 63

  private static let fields = [
    "request_id", "token", "choice", "metric", "value", "thumbs", "text",
  ]

  private enum Thumb: String, CaseIterable { case up, down }

  package init(requestID: String? = nil, token: String? = nil, value: Double) {
    self.requestID = requestID
    self.token = token
    self.value = value
  }

  /// Reads a body.
  ///
  /// - Throws: 400 with the first mistake, or 413 for a body that is too large.
  package init(
    decoding body: [UInt8], limits: RequestLimits = .standard
  ) throws(APIError) {
    let value: JSONValue
    do {
      value = try JSONValue(
        parsing: body, limits: JSONLimits(maximumBytes: Self.maximumBytes, maximumDepth: 4))
    } catch { throw APIError(error) }
    do { self = try Self.read(value, limits) } catch { throw APIError(request: error) }
  }

  private static func read(
    _ body: JSONValue, _ limits: RequestLimits
  ) throws(FieldError) -> FeedbackRequest {
    guard case .object(let object) = body else {
      throw FieldError.type(body, expected: "an object")
    }
    var request = FeedbackRequest(value: 0)
    var (number, thumb): (Double?, Thumb?)
    for member in object.members {
      switch member.key {
      case "request_id": request.requestID = try member.name(upTo: maximumRequestIDBytes)
      case "token": request.token = try member.name(upTo: maximumTokenBytes)
      case "choice":
        request.choice = try member.integer(in: 0...max(1, limits.maximumChoices) - 1)
      case "metric": request.metric = try member.name(upTo: maximumNameBytes)
      case "value": number = try member.number(in: 0...1)
      case "thumbs":
        thumb = try member.reading { value throws(FieldError) in try value.word(Thumb.self) }
      case "text": request.text = try member.reading(text)
      default: throw FieldError.unknown(member.key, known: fields)
      }
    }
    guard request.requestID != nil || request.token != nil else {
      throw FieldError.missing("request_id", "Name the answer, by its request or by its token.")
    }
    switch (number, thumb) {
    case (let number?, nil): request.value = number
    case (nil, let thumb?): request.value = thumb == .up ? 1 : 0
    case (nil, nil):
      throw FieldError.missing("value", "Send a number from 0 to 1, or 'thumbs'.")
    case (.some, .some):
      throw FieldError(
        .invalidValue, "there is a 'value' already; send one of the two.", path: "thumbs")
    }
    return request
  }

  private static func text(_ value: JSONValue) throws(FieldError) -> String? {
    let text = try value.string(upTo: maximumTextBytes)
    return text?.isEmpty == true ? nil : text
  }

  /// The body as bytes, without what is `nil` or usual.
  package func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    JSONWriter.append(to: &bytes) { writer in
      writer.beginObject()
      writer.member("request_id", requestID)
      writer.member("token", token)
      writer.member("choice", choice)
      writer.member("metric", metric)
      writer.member("value", value)
      writer.member("text", text)
      writer.endObject()
    }
    return bytes
  }
}
