import AsyncHTTPClient
import CoreMetrics
import Experimentation
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Promotion
import ServiceLifecycle
import Synchronization

/// Tells webhooks what happened to rollouts, and has no decision wait for it.
///
/// What is announced is written down already. At most `capacity` deliveries wait; beyond, the
/// newest is dropped. Each is tried `attempts` times, `timeout` long, with pauses that double from
/// `pause` on; an answer that says the request itself is wrong (4xx but 408 and 429) ends it at
/// once. So an address gets each announcement at least once while it answers in time and the
/// process lives, in order, and perhaps twice when an answer was lost; after a crash what waited is
/// not told any more. Told to stop, it tries what waits once more, for at most `farewell`.
final class WebhookNotifier: Service {
  private static let capacity = 256
  private static let lanes = 8
  private static let attempts = 4
  private static let timeout = TimeAmount.seconds(5)
  private static let pause = Duration.seconds(1)
  private static let farewell = Duration.seconds(5)
  /// Of an answer, which nobody reads.
  private static let maximumAnswerBytes = 64 << 10

  private struct State {
    var queue = WebhookQueue(
      capacity: WebhookNotifier.capacity, lanes: WebhookNotifier.lanes)
    /// When what still waits is given up; `nil` until the service is told to stop.
    var end: ContinuousClock.Instant?
  }

  private let state = Mutex(State())
  private let wakeups: AsyncStream<Void>
  private let wake: AsyncStream<Void>.Continuation
  private let environment: @Sendable (String) -> String?
  private let counters: [Outcome: any CounterHandler]
  private let retries: any CounterHandler
  private let logger: Logger

  private enum Outcome: String, CaseIterable { case delivered, failed, dropped }

  /// - Parameter environment: the value of a variable of the service
  init(
    factory: any MetricsFactory, environment: @escaping @Sendable (String) -> String?,
    logger: Logger
  ) {
    self.environment = environment
    self.logger = logger
    (wakeups, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    counters = Dictionary(
      uniqueKeysWithValues: Outcome.allCases.map { outcome in
        (
          outcome,
          factory.makeCounter(
            label: "rollout_notifications_total", dimensions: [("outcome", outcome.rawValue)])
        )
      })
    retries = factory.makeCounter(label: "rollout_notification_retries_total", dimensions: [])
  }

  /// Takes an announcement in, and returns at once.
  func announce(_ announcement: Announcement) {
    for target in announcement.targets {
      let delivery = WebhookDelivery(announcement: announcement, target: target)
      if !state.withLock({ $0.queue.add(delivery) }) {
        end(delivery, .dropped, "\(Self.capacity) wait already")
      }
    }
    wake.yield()
  }

  /// Delivers until the service shuts down, and then what still waits, for a while.
  func run() async throws {
    try await HTTPClient.use { client in
      await withGracefulShutdownHandler {
        await withDiscardingTaskGroup { group in
          for await _ in wakeups {
            giveUpWhatIsLate()
            while let delivery = state.withLock({ $0.queue.next() }) {
              group.addTask { await self.deliver(delivery, by: client) }
            }
            if state.withLock({ $0.end != nil && $0.queue.isEmpty }) { break }
          }
        }
      } onGracefulShutdown: {
        self.state.withLock { $0.end = .now + Self.farewell }
        self.wake.yield()
      }
    }
  }

  private func giveUpWhatIsLate() {
    let late = state.withLock { state in
      state.end.map { $0 < .now } == true ? state.queue.drop() : []
    }
    for delivery in late { end(delivery, .dropped, "the service stopped") }
  }
}

// MARK: - One delivery

extension WebhookNotifier {
  private enum Answer {
    case taken
    /// Asking again would change nothing.
    case refused(String)
    case failed(String)
  }

  private func deliver(_ delivery: WebhookDelivery, by client: HTTPClient) async {
    defer {
      state.withLock { $0.queue.finish(delivery) }
      wake.yield()
    }
    var problem = ""
    for attempt in 1...Self.attempts {
      switch await post(delivery, by: client) {
      case .taken: return end(delivery, .delivered, nil)
      case .refused(let why): return end(delivery, .failed, why)
      case .failed(let why): problem = why
      }
      let isStopping = state.withLock { $0.end != nil }
      guard attempt < Self.attempts, !isStopping else { break }
      retries.increment(by: 1)
      // Cut short when the service stops: then one more try is all there is time for.
      try? await cancelWhenGracefulShutdown {
        try await Task.sleep(for: Self.pause * (1 << (attempt - 1)))
      }
    }
    end(delivery, .failed, problem)
  }

  private func post(_ delivery: WebhookDelivery, by client: HTTPClient) async -> Answer {
    let address: String
    switch delivery.target {
    case .url(let url): address = url
    case .environment(let name):
      guard let value = environment(name), !value.isEmpty else {
        return .refused("the variable \(name) is not set")
      }
      address = value
    }
    guard let body = try? delivery.body(), let scheme = URLComponents(string: address)?.scheme,
      ["http", "https"].contains(scheme)
    else { return .refused("the address is no URL with http or https") }
    var request = HTTPClientRequest(url: address)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    request.headers.add(name: "user-agent", value: "rollout")
    request.body = .bytes(ByteBuffer(bytes: body))
    do {
      let response = try await client.execute(request, timeout: Self.timeout)
      // Read so that the connection can be used again; whatever it says.
      _ = try? await response.body.collect(upTo: Self.maximumAnswerBytes)
      switch response.status.code {
      case 200..<300: return .taken
      case 408, 429, 500...: return .failed("it answered \(response.status.code)")
      default: return .refused("it answered \(response.status.code)")
      }
    } catch {
      return .failed(Self.words(for: error))
    }
  }

  /// Without the address, which may be a secret.
  private static func words(for error: any Error) -> String {
    switch error {
    case let error as HTTPClientError: error.shortDescription
    case is NIOConnectionError: "nobody answers there"
    default: "\(type(of: error))"
    }
  }

  private func end(_ delivery: WebhookDelivery, _ outcome: Outcome, _ problem: String?) {
    counters[outcome]?.increment(by: 1)
    var metadata: Logger.Metadata = [
      "rollout": "\(delivery.announcement.rollout)",
      "event": "\(delivery.announcement.occasion.rawValue)",
      "sequence": "\(delivery.announcement.entry.sequence)", "webhook": "\(delivery.label)",
    ]
    if let problem { metadata["problem"] = "\(problem)" }
    switch outcome {
    case .delivered: logger.debug("webhook told", metadata: metadata)
    case .failed, .dropped: logger.warning("webhook not told", metadata: metadata)
    }
  }
}
