import Backends
package import NIOCore
import Synchronization

/// Notices that a client went away while nobody reads from or writes to its connection.
///
/// A request that waits for a long prefill would otherwise run to its end for nobody. One handler
/// sits on each connection; "gone" means the same for a reset, a close and a half-close.
package final class ClientPresence: ChannelInboundHandler, RemovableChannelHandler, Sendable {
  package typealias InboundIn = NIOAny
  package typealias InboundOut = NIOAny

  private struct State {
    var isGone = false
    var waiting: Interruption?
  }

  private let directory: ClientDirectory
  private let state = Mutex(State())

  package init(directory: ClientDirectory) {
    self.directory = directory
  }

  /// Makes itself known.
  package func handlerAdded(context: ChannelHandlerContext) {
    directory.add(self, for: context.channel)
  }

  /// Is known no more.
  package func handlerRemoved(context: ChannelHandlerContext) {
    directory.remove(context.channel)
  }

  /// The client closed its side.
  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed { leave() }
    context.fireUserInboundEventTriggered(event)
  }

  /// The connection is gone.
  package func channelInactive(context: ChannelHandlerContext) {
    leave()
    context.fireChannelInactive()
  }

  private func leave() {
    let waiting = state.withLock { state in
      state.isGone = true
      return state.waiting
    }
    waiting?.interrupt(.clientLeft)
  }

  /// What to interrupt when the client goes away; `nil` for nothing any more. A connection has one
  /// request at a time, so one waits at a time.
  func onDeparture(_ interruption: Interruption?) {
    let isGone = state.withLock { state in
      state.waiting = interruption
      return state.isGone
    }
    if isGone { interruption?.interrupt(.clientLeft) }
  }
}

/// Finds the presence of the client behind a channel.
package final class ClientDirectory: Sendable {
  private let clients = Mutex<[ObjectIdentifier: ClientPresence]>([:])

  package init() {}

  func add(_ presence: ClientPresence, for channel: any Channel) {
    clients.withLock { $0[ObjectIdentifier(channel)] = presence }
  }

  func remove(_ channel: any Channel) {
    clients.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(channel)) }
  }

  func presence(on channel: any Channel) -> ClientPresence? {
    clients.withLock { $0[ObjectIdentifier(channel)] }
  }
}
