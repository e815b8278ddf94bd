import Experimentation
import Foundation
import Promotion

/// One announcement to one address.
struct WebhookDelivery: Sendable {
  var announcement: Announcement
  var target: NotificationRule.Target

  /// The address as logs may have it: its host, or the variable that holds it.
  var label: String {
    switch target {
    case .url(let text): URLComponents(string: text)?.host ?? "?"
    case .environment(let name): "$\(name)"
    }
  }

  /// What is posted, as JSON with its keys in order.
  func body() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(Message(announcement))
  }

  private struct Message: Encodable {
    /// As in the policy: `rolledBack`.
    var event: String
    var rollout: String
    var route: String
    /// Digest of the policy.
    var revision: String
    /// The model that a promotion made the incumbent.
    var model: String?
    var actor: String
    var reason: String?
    /// Of the journal's entry: two messages with one sequence tell one thing.
    var sequence: Int64
    var time: String
    /// All of it in a sentence; the member that chats show.
    var text: String

    init(_ announcement: Announcement) {
      let record = announcement.entry.record
      event = announcement.occasion.rawValue
      rollout = announcement.rollout.text
      route = announcement.route.text
      revision = announcement.digest
      if case .promoted(_, let promoted, _, _) = record.event { model = promoted.text }
      actor = record.actor
      reason = record.reason
      sequence = announcement.entry.sequence
      time = Date(timeIntervalSince1970: Double(record.atMilliseconds) / 1_000).formatted(
        Date.ISO8601FormatStyle(includingFractionalSeconds: true))
      let what = model.map { "\(record.event.title): \($0)" } ?? record.event.title
      let why = reason.map { " (\($0))" } ?? ""
      text = "rollout \(rollout) on route \(route): \(what), by \(actor)\(why)"
    }
  }
}

/// What waits to be told, in order for each address: one at a time, so that nobody hears of an end
/// before its beginning, and an address that hangs holds up no other.
struct WebhookQueue {
  private var waiting: [WebhookDelivery] = []
  private var busy: Set<NotificationRule.Target> = []
  let capacity: Int
  let lanes: Int

  /// - Parameters:
  ///   - capacity: deliveries that may wait
  ///   - lanes: addresses that are told something at once
  init(capacity: Int, lanes: Int) {
    self.capacity = capacity
    self.lanes = lanes
  }

  var isEmpty: Bool { waiting.isEmpty && busy.isEmpty }

  /// - Returns: whether there was room
  mutating func add(_ delivery: WebhookDelivery) -> Bool {
    guard waiting.count < capacity else { return false }
    waiting.append(delivery)
    return true
  }

  /// The oldest whose address is free; to be finished.
  mutating func next() -> WebhookDelivery? {
    guard busy.count < lanes, let place = waiting.firstIndex(where: { !busy.contains($0.target) })
    else { return nil }
    busy.insert(waiting[place].target)
    return waiting.remove(at: place)
  }

  mutating func finish(_ delivery: WebhookDelivery) { busy.remove(delivery.target) }

  /// Gives up everything that waits.
  mutating func drop() -> [WebhookDelivery] {
    defer { waiting = [] }
    return waiting
  }
}
