/// The answer of `GET /v1/models`.
package struct ModelList: Hashable, Sendable {
  /// One model that answers here.
  package struct Entry: Hashable, Sendable {
    /// What a request names it.
    package var id: String
    /// Unix time in seconds.
    package var created: Int
    package var ownedBy: String

    /// An entry.
    package init(id: String, created: Int, ownedBy: String) {
      self.id = id
      self.created = created
      self.ownedBy = ownedBy
    }

    /// Appends this entry as JSON: the answer of `GET /v1/models/{model}`.
    package func encode(into bytes: inout [UInt8]) {
      JSONWriter.append(to: &bytes) { encode(into: &$0) }
    }

    fileprivate func encode(into writer: inout JSONWriter) {
      writer.beginObject()
      writer.member("id", id)
      writer.member("object", "model")
      writer.member("created", created)
      writer.member("owned_by", ownedBy)
      writer.endObject()
    }
  }

  /// In the order in which they are listed.
  package var entries: [Entry]

  /// A list.
  package init(_ entries: [Entry]) {
    self.entries = entries
  }

  /// This list as JSON.
  package func encoded() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("object", "list")
    writer.key("data")
    writer.beginArray()
    for entry in entries { entry.encode(into: &writer) }
    writer.endArray()
    writer.endObject()
    return writer.bytes
  }

  /// Reads an upstream's list of at most 10,000 models.
  ///
  /// - Throws: 502 `malformed` with the field that is wrong.
  package init(decoding body: [UInt8], limits: ResponseLimits = .standard) throws(APIError) {
    let members = try body.withUnsafeBufferPointer { (bytes) throws(APIError) in
      try limits.members(of: bytes)
    }
    do throws(FieldError) {
      guard let data = members.first(where: { $0.key == "data" }) else {
        throw FieldError.missing("data", "A list has entries.")
      }
      let entries = try data.elements(upTo: 10_000) { value throws(FieldError) in
        try Entry(value)
      }
      self.init(entries ?? [])
    } catch { throw APIError(response: error) }
  }
}

extension ModelList.Entry {
  fileprivate init(_ value: JSONValue) throws(FieldError) {
    self.init(id: "", created: 0, ownedBy: "")
    for member in try value.object().required("an object").members {
      switch member.key {
      case "id": id = try member.name(upTo: 1_024) ?? ""
      case "created": created = try member.integer(in: 0...Int.max) ?? 0
      case "owned_by": ownedBy = try member.string(upTo: 1_024) ?? ""
      default: break
      }
    }
    guard !id.isEmpty else { throw FieldError.missing("id", "A model has a name.") }
  }
}
