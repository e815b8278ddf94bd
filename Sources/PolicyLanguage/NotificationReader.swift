import Experimentation
import Foundation

/// Reads whom to tell of what: `notify:`.
struct NotificationReader {
  let log: DiagnosticLog

  /// The form of an address, and of some that are refused.
  static let urlPattern = "^https?://[^\\s@?#]+$"

  /// What could be read, in order; mistakes were reported.
  func rules(_ nodes: [PolicyNode]) -> [NotificationRule] { nodes.compactMap(rule) }

  private func rule(_ node: PolicyNode) -> NotificationRule? {
    guard let reader = MappingReader<NotifyKey>(node, log: log) else { return nil }
    var occasions: [NotificationRule.Occasion] = []
    for node in reader.list(.on) ?? [] {
      guard let occasion = node.choice("an event", among: NotificationRule.Occasion.allCases, log)
      else { continue }
      if occasions.contains(occasion) {
        log.report(.repeatedValue, at: node.position, "'\(occasion.rawValue)' is there twice")
      }
      occasions.append(occasion)
    }
    let target = target(reader)
    guard let target, !occasions.isEmpty else { return nil }
    return NotificationRule(
      on: NotificationRule.Occasion.allCases.filter(occasions.contains), target: target)
  }

  private func target(_ reader: MappingReader<NotifyKey>) -> NotificationRule.Target? {
    switch (reader[.webhook], reader[.webhookEnv]) {
    case (let url?, nil): return address(url).map(NotificationRule.Target.url)
    case (nil, let name?):
      return name.environmentName("webhookEnv", example: "RELEASES_WEBHOOK", log)
        .map(NotificationRule.Target.environment)
    case (nil, nil):
      // One that is misspelt or empty was reported.
      if !reader.hasAny(NotifyKey.targets) {
        log.report(
          .oneOf, at: reader.position, "a notification needs 'webhook' or 'webhookEnv'",
          hint: "'webhookEnv' names the variable that holds the address, where it is a secret")
      }
    case (.some, .some):
      log.report(
        .oneOf, at: reader.position(of: .webhookEnv),
        "a notification has 'webhook' or 'webhookEnv', not both")
    }
    return nil
  }

  private static let remedy =
    "put the address into the environment, and name its variable with 'webhookEnv'"

  /// An address without anything that looks like a secret: who has such a one writes `webhookEnv`.
  private func address(_ node: PolicyNode) -> String? {
    guard
      let (text, parts) = ServerURL.read(
        node, "an address", "https://hooks.example.com/rollouts", key: "webhookEnv",
        queries: Self.remedy, log)
    else { return nil }
    let segments = parts.path.split(separator: "/").map(String.init)
    if segments.contains(where: SecretLine.looksSecret) {
      log.report(
        .secretInPolicy, at: node.position, "a part of the webhook's path looks like a secret",
        hint: Self.remedy, showsLine: false)
      return nil
    }
    return text
  }
}
