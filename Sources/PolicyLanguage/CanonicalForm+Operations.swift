import Experimentation

extension RequestMatch {
  var canonicalForm: CanonicalForm {
    .object([
      "label": label.map { .text("\($0.key)=\($0.value)") },
      "header": header.map { .text("\($0.name)=\($0.value)") },
    ])
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
