import Hummingbird
import NIOCore
import Storage

extension Export {
  /// Streams the export: the next page is read when the client has taken the one before. What fails
  /// on the way ends the connection before the body's end, which no client takes for the whole.
  func response(from store: any OutcomeStore, labels: any LabelStore) -> Response {
    Response(
      status: .ok,
      headers: [
        .contentType: mediaType, .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
      ],
      body: ResponseBody { writer in
        try await write(from: store, labels: labels) {
          try await writer.write(ByteBuffer(string: $0))
        }
        try await writer.finish(nil)
      })
  }
}
