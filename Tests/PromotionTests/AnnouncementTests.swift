import Experimentation
import Promotion
import Synchronization
import Testing

/// Who is told of what: after it is written down, and once.
@Suite struct AnnouncementTests {
  let world: World
  let names: Names

  init() throws {
    world = try World()
    names = world.names
  }

  private func controller(_ told: Told) async throws -> Controller {
    try await world.controller(announce: { told.take($0) })
  }

  final class Told: Sendable {
    private let announcements = Mutex<[Announcement]>([])
    func take(_ announcement: Announcement) { announcements.withLock { $0.append(announcement) } }
    var all: [Announcement] { announcements.withLock { $0 } }
  }

  @Test func `what a policy asks for is told with its entry, and a restart tells nothing again`()
    async throws
  {
    var policy = names.policy([Step(.canary(weight: try .part(0.5)))])
    policy.notifications = [
      NotificationRule(on: [.applied, .aborted], target: .url("https://a.example.com/")),
      NotificationRule(on: [.aborted, .superseded], target: .environment("HOOK")),
    ]
    policy.onNewRevision = .replace
    let told = Told()
    let first = try await controller(told)
    try await world.apply(policy, to: first)
    #expect(told.all.map(\.occasion) == [.applied])
    #expect(told.all.first?.targets == [.url("https://a.example.com/")])
    #expect(told.all.first?.entry.sequence == 4)

    // The one that ends is told of by its own policy, whatever the next one says.
    var next = policy
    next.digest = "p2"
    next.notifications = []
    try await world.apply(next, to: first)
    #expect(told.all.map(\.occasion) == [.applied, .superseded])
    #expect(told.all.last?.digest == "p1")

    next.digest = "p3"
    next.notifications = policy.notifications
    try await world.apply(next, to: first)
    let second = try await controller(told)
    #expect(told.all.map(\.occasion) == [.applied, .superseded, .applied])
    _ = try await second.perform(.abort(names.rollout), actor: "ana", reason: "enough")
    #expect(told.all.last?.targets == [.url("https://a.example.com/"), .environment("HOOK")])
    #expect(told.all.last?.entry.record.reason == "enough")
  }
}
