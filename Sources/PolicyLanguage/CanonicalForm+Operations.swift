import Experimentation

extension RequestMatch {
  var canonicalForm: CanonicalForm {
    .object([
      "label": .oneOrSeveral(labels.map(\.canonicalText)),
      "header": .oneOrSeveral(headers.map(\.canonicalText)),
    ])
  }
}

extension RequestLabel {
  var canonicalText: String { "\(key)=\(value)" }
}

extension RequestHeader {
  var canonicalText: String { "\(name)=\(value)" }
}

extension CanonicalForm {
  /// One text as it is, as before there could be several; `nil` for none. All must hold, so that
  /// their order means nothing.
  static func oneOrSeveral(_ texts: [String]) -> CanonicalForm? {
    texts.count > 1 ? .list(texts.sorted().map(CanonicalForm.text)) : texts.first.map { .text($0) }
  }
}

extension WeeklyWindow {
  var canonicalForm: CanonicalForm {
    .object([
      "days": .list(days.map { .text($0.rawValue) }), "opensAtMinute": .integer(opensAtMinute),
      "closesAtMinute": .integer(closesAtMinute), "timeZone": .text(timeZone),
    ])
  }
}

extension Freeze {
  var canonicalForm: CanonicalForm {
    .object([
      "from": .text(from.description), "to": .text(to.description), "timeZone": .text(timeZone),
      "reason": reason.map(CanonicalForm.text),
    ])
  }
}

extension NotificationRule {
  var canonicalForm: CanonicalForm {
    let (key, address) =
      switch target {
      case .url(let url): ("webhook", url)
      case .environment(let name): ("webhookEnv", name)
      }
    return .object([
      "on": .list(occasions.map { .text($0.rawValue) }), key: .text(address),
    ])
  }
}
