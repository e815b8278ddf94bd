import Experimentation

/// What must be true of a schema as a whole: some value has to fit it.
///
/// One that nothing fits fails every answer, the incumbent's like the candidate's, so that a
/// guardrail would pass for having nothing to tell them apart by.
struct SchemaRules {
  var schema: AnswerSchema
  var reader: MappingReader<SchemaKey>

  func check() {
    checkBounds(.minimum, schema.minimum, .maximum, schema.maximum)
    checkBounds(.minLength, schema.minLength, .maxLength, schema.maxLength)
    checkBounds(.minItems, schema.minItems, .maxItems, schema.maxItems)
    checkRequired()
  }

  private func checkBounds<Bound: Comparable>(
    _ lowerKey: SchemaKey, _ lower: Bound?, _ upperKey: SchemaKey, _ upper: Bound?
  ) {
    guard let lower, let upper, lower > upper else { return }
    reader.log.report(
      .outOfRange, at: reader[lowerKey]?.position ?? reader.position,
      "\(lowerKey.rawValue) is above \(upperKey.rawValue): no answer fits the schema")
  }

  /// A key that has to be there may be there.
  private func checkRequired() {
    guard !schema.allowsOtherKeys, case .list(let items) = reader[.required]?.content,
      let allowed = allowedKeys
    else { return }
    for item in items {
      guard case .scalar(let scalar) = item.content, !scalar.text.isEmpty,
        !allowed.contains(where: { $0.utf8.elementsEqual(scalar.text.utf8) })
      else { continue }
      reader.log.report(
        .unreachableGate, at: item.position,
        "'\(scalar.text.clipped)' has to be there and may not be: no answer fits the schema",
        suggestion: NearestName.suggestion(for: scalar.text, among: allowed),
        hint: "write it under 'properties', or leave out 'additionalProperties: false'")
    }
  }

  /// As written, those whose schemas could not be read as well; `nil` where that cannot be told.
  private var allowedKeys: [String]? {
    guard let node = reader[.properties] else {
      return reader.hasAny([.properties]) ? nil : []
    }
    guard case .mapping(let entries) = node.content else { return nil }
    return entries.map(\.key)
  }
}
