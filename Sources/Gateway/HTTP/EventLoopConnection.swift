import HummingbirdCore
import Logging
import NIOCore

/// A connection whose requests run on the connection's own event loop.
///
/// Each step of a request waits for a socket and is woken by its event loop. Where the next step
/// runs on a thread of the pool, every wait costs two changes of threads, which took a quarter of
/// the gateway's time. What takes long does not belong on an event loop, and prefers
/// `globalConcurrentExecutor`.
struct EventLoopConnection: ServerChildChannel {
  let http: HTTP1Channel

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
    http.setup(channel: channel, logger: logger)
  }

  func handle(value: HTTP1Channel.Value, logger: Logger) async {
    await withTaskExecutorPreference(EventLoopExecutor(value.channel.eventLoop)) {
      await http.handle(value: value, logger: logger)
    }
  }
}

extension HTTPServerBuilder {
  /// An HTTP/1 server whose requests run on event loops.
  static func onEventLoops(_ configuration: HTTP1Channel.Configuration) -> HTTPServerBuilder {
    HTTPServerBuilder { responder in
      EventLoopConnection(http: HTTP1Channel(responder: responder, configuration: configuration))
    }
  }
}

/// Runs tasks on an event loop.
final class EventLoopExecutor: TaskExecutor {
  private let loop: any EventLoop

  init(_ loop: any EventLoop) {
    self.loop = loop
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
