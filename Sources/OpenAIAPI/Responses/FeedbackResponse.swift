/// What a sender of feedback is told: what became of it, and what it was joined to.
package struct FeedbackResponse: Hashable, Sendable {
  /// What became of it.
  package enum Status: String, Hashable, Sendable, CaseIterable {
    case recorded
    /// Took the place of what the same sender said before.
    case replaced
    /// The same stood there already.
    case unchanged
    /// Came after its window; kept where nothing stood, and never evidence.
    case late
    /// The answer belonged to no rollout: counted, and kept nowhere.
    case unassigned
  }

  package var status: Status
  package var requestID: String
  package var choice: Int
  package var metric: String
  package var value: Double
  /// Whether gates may read it.
  package var isEvidence: Bool
  /// Who gave the answer; `nil` where its choices are of several models: who rates them is not told
  /// whose they are.
  package var model: String?
  package var route: String
  /// The rollout with its run and step; `nil` outside of any.
  package var rollout: String?
  package var run: Int?
  package var step: Int?

  package init(
    status: Status, requestID: String, choice: Int, metric: String, value: Double,
    isEvidence: Bool, model: String?, route: String
  ) {
    self.status = status
    self.requestID = requestID
    self.choice = choice
    self.metric = metric
    self.value = value
    self.isEvidence = isEvidence
    self.model = model
    self.route = route
  }

  /// The body as bytes.
  package func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    JSONWriter.append(to: &bytes) { writer in
      writer.beginObject()
      writer.member("object", "feedback")
      writer.member("status", status.rawValue)
      writer.member("request_id", requestID)
      writer.member("choice", choice)
      writer.member("metric", metric)
      writer.member("value", value)
      writer.member("evidence", isEvidence)
      writer.member("model", model)
      writer.member("route", route)
      writer.member("rollout", rollout)
      writer.member("run", run)
      writer.member("step", step)
      writer.endObject()
    }
    return bytes
  }

  /// Reads a body.
  ///
  /// - Throws: 502 for one that is none
  package init(decoding body: [UInt8]) throws(APIError) {
    let malformed = APIError.badGateway("The answer is not what was asked for.", code: "malformed")
    guard let json = try? JSONValue(parsing: body, limits: JSONLimits(maximumBytes: 64 << 10)),
      case .string(let word)? = json["status"], let status = Status(rawValue: word),
      case .string(let requestID)? = json["request_id"],
      case .integer(let choice)? = json["choice"],
      case .string(let metric)? = json["metric"], case .bool(let isEvidence)? = json["evidence"],
      case .string(let route)? = json["route"],
      let choice = Int(exactly: choice)
    else { throw malformed }
    let value: Double
    switch json["value"] {
    case .integer(let number)?: value = Double(number)
    case .double(let number)?: value = number
    default: throw malformed
    }
    self.init(
      status: status, requestID: requestID, choice: choice, metric: metric, value: value,
      isEvidence: isEvidence, model: nil, route: route)
    if case .string(let name)? = json["model"] { model = name }
    if case .string(let name)? = json["rollout"] { rollout = name }
    if case .integer(let number)? = json["run"] { run = Int(exactly: number) }
    if case .integer(let number)? = json["step"] { step = Int(exactly: number) }
  }
}
