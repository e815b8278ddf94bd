/// How the next token is chosen, what ends an answer, and how many answers: the fields that chat
/// and completion requests share. `nil` leaves the choice to whoever answers.
package struct Sampling: Hashable, Sendable {
  /// An addition to one token's logit.
  package struct Bias: Hashable, Sendable {
    /// In the vocabulary of whoever answers.
    package var token: Int
    /// −100 … 100.
    package var bias: Double

    /// A bias of one token.
    package init(token: Int, bias: Double) {
      self.token = token
      self.bias = bias
    }
  }

  /// 0 … 2; 0 is greedy.
  package var temperature: Double?
  /// 0 … 1.
  package var topP: Double?
  /// Extension: −1 … 2³¹−1; −1 and 0 turn it off.
  package var topK: Int?
  /// Extension: 0 … 1, a share of the likeliest token's probability.
  package var minP: Double?
  /// Extension: 0.01 … 10; 1 turns it off.
  package var repetitionPenalty: Double?
  /// −2 … 2.
  package var presencePenalty: Double?
  /// −2 … 2.
  package var frequencyPenalty: Double?
  /// In the order of the request, no token twice. Empty for none.
  package var logitBias: [Bias] = []
  /// Any 64-bit integer.
  package var seed: Int?
  /// Sequences that end an answer; not part of it. None is empty.
  package var stop: [String] = []
  /// Answers to one prompt, 1 … `RequestLimits.maximumChoices`.
  package var n: Int?

  /// No wish at all.
  package init() {}

  /// The names of the fields on the wire.
  static let fields = [
    "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty",
    "frequency_penalty", "logit_bias", "seed", "stop", "n",
  ]
}

extension Sampling {
  /// Takes the member if it is one of these fields.
  mutating func take(
    _ member: JSONObject.Member, _ limits: RequestLimits
  ) throws(FieldError) -> Bool {
    switch member.key {
    case "temperature": temperature = try member.number(in: 0...2)
    case "top_p": topP = try member.number(in: 0...1)
    case "top_k": topK = try member.integer(in: -1...Int(Int32.max))
    case "min_p": minP = try member.number(in: 0...1)
    case "repetition_penalty": repetitionPenalty = try member.number(in: 0.01...10)
    case "presence_penalty": presencePenalty = try member.number(in: -2...2)
    case "frequency_penalty": frequencyPenalty = try member.number(in: -2...2)
    case "logit_bias":
      logitBias = try member.reading { value throws(FieldError) in
        try Sampling.biases(value, limits)
      }
    case "seed": seed = try member.integer(in: Int.min...Int.max)
    case "stop":
      stop = try member.reading { value throws(FieldError) in try Sampling.stops(value, limits) }
    case "n": n = try member.integer(in: 1...max(1, limits.maximumChoices))
    default: return false
    }
    return true
  }

  private static func biases(
    _ value: JSONValue, _ limits: RequestLimits
  ) throws(FieldError) -> [Bias] {
    guard let object = try value.object() else { return [] }
    guard object.members.count <= limits.maximumBiases else {
      throw FieldError(
        .arrayTooLong,
        "too many tokens. Expected at most \(limits.maximumBiases), but got "
          + "\(object.members.count).")
    }
    var tokens: Set<Int> = []
    var biases: [Bias] = []
    for member in object.members {
      guard let token = Int(member.key), token >= 0, String(token) == member.key,
        tokens.insert(token).inserted
      else {
        throw FieldError(
          .invalidValue, "keys are token numbers, each once; found '\(excerpt(member.key))'.")
      }
      guard let bias = try member.number(in: -100...100) else {
        throw FieldError.type(.null, expected: "a number").inside(member.key)
      }
      biases.append(Bias(token: token, bias: bias))
    }
    return biases
  }

  private static func stops(
    _ value: JSONValue, _ limits: RequestLimits
  ) throws(FieldError) -> [String] {
    if case .string = value { return [try stop(value, limits)] }
    guard let stops = try value.array(upTo: limits.maximumStops) else { return [] }
    return try stops.reading { element throws(FieldError) in try stop(element, limits) }
  }

  private static func stop(
    _ value: JSONValue, _ limits: RequestLimits
  ) throws(FieldError) -> String {
    let text = try value.string(upTo: limits.maximumStopBytes).required("a string")
    guard !text.isEmpty else { throw FieldError(.emptyString, "a stop sequence is empty.") }
    return text
  }

  /// Writes the fields that are set, in the order of `fields`.
  func encode(into writer: inout JSONWriter) {
    writer.member("temperature", temperature)
    writer.member("top_p", topP)
    writer.member("top_k", topK)
    writer.member("min_p", minP)
    writer.member("repetition_penalty", repetitionPenalty)
    writer.member("presence_penalty", presencePenalty)
    writer.member("frequency_penalty", frequencyPenalty)
    if !logitBias.isEmpty {
      writer.key("logit_bias")
      writer.beginObject()
      for bias in logitBias {
        // Servers declare integers here; a whole number is written as one.
        if bias.bias.magnitude <= 100, Double(Int(bias.bias)) == bias.bias {
          writer.member(String(bias.token), Int(bias.bias))
        } else {
          writer.member(String(bias.token), bias.bias)
        }
      }
      writer.endObject()
    }
    writer.member("seed", seed)
    if !stop.isEmpty {
      writer.key("stop")
      writer.beginArray()
      for sequence in stop { writer.value(sequence) }
      writer.endArray()
    }
    writer.member("n", n)
  }
}
