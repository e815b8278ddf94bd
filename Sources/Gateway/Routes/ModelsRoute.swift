import Experimentation
import Hummingbird
import OpenAIAPI
import Routing

/// `GET /v1/models`: the routes that clients ask for, then the models behind them by their own
/// names.
struct ModelsRoute {
  static let prefix = "/v1/models/"

  let gateway: Gateway

  private var entries: [ModelList.Entry] {
    let table = gateway.table.snapshot
    let routes = table.routes.keys.map(\.text).sorted()
    let models = table.models.map(\.text).filter { !routes.contains($0) }.sorted()
    let created = Int(gateway.startedAtMilliseconds / 1_000)
    return routes.map { ModelList.Entry(id: $0, created: created, ownedBy: "rollout") }
      + models.map { ModelList.Entry(id: $0, created: created, ownedBy: "rollout") }
  }

  func list() -> Response { .json(ModelList(entries).encoded()) }

  func entry(_ name: String) throws(APIError) -> Response {
    guard let entry = entries.first(where: { $0.id == name }) else {
      throw .modelNotFound(name)
    }
    var bytes: [UInt8] = []
    entry.encode(into: &bytes)
    return .json(bytes)
  }
}
