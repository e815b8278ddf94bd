import NIOCore
import Synchronization

/// Says on standard output where the service listens, once it does: people read it, and scripts
/// that let the system choose ports.
final class ListeningReport: Sendable {
  private struct Addresses {
    var data: String?
    var control: String?
  }

  private let addresses = Mutex(Addresses())

  func data(_ address: SocketAddress?) { note { $0.data = Self.url(address) } }

  func control(_ address: SocketAddress?) { note { $0.control = Self.url(address) } }

  private func note(_ change: (inout Addresses) -> Void) {
    let complete = addresses.withLock { addresses -> (String, String)? in
      change(&addresses)
      guard let data = addresses.data, let control = addresses.control else { return nil }
      return (data, control)
    }
    guard let (data, control) = complete else { return }
    Output.write("rollout answers at \(data)/v1, control at \(control)\n")
  }

  private static func url(_ address: SocketAddress?) -> String {
    guard let address, let port = address.port else { return "an unknown address" }
    let host = address.ipAddress ?? "localhost"
    return host.contains(":") ? "http://[\(host)]:\(port)" : "http://\(host):\(port)"
  }
}
