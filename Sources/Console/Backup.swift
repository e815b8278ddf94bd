import HTTPTypes
import Hummingbird
import NIOCore
package import Storage

/// Copies of what the service keeps, one file a request: `POST /api/v1/backup/journal` and
/// `…/outcomes`.
package enum Backup {
  /// Bytes of one piece of a body: the next is read when the client has taken the one before.
  private static let pieceBytes = 256 << 10

  /// The journal's last entry in the copy: its sequence and its hash, with a space between.
  package static let headField = "x-rollout-journal-head"

  static func response(_ copy: StoreCopy) -> Response {
    var headers: HTTPFields = [
      .contentType: "application/vnd.sqlite3", .cacheControl: "no-store",
      .xContentTypeOptions: "nosniff",
    ]
    if let head = copy.head, let name = HTTPField.Name(headField) {
      headers[name] = "\(head.sequence) \(head.hash)"
    }
    let body = ResponseBody(contentLength: copy.byteCount) { writer in
      var offset = 0
      while offset < copy.byteCount {
        // What fails here ends the connection before the body's end, which nobody takes for whole.
        let bytes = try copy.read(offset, min(pieceBytes, copy.byteCount - offset))
        guard !bytes.isEmpty else { throw CancellationError() }
        try await writer.write(ByteBuffer(bytes: bytes))
        offset += bytes.count
      }
      try await writer.finish(nil)
    }
    return Response(status: .ok, headers: headers, body: body)
  }

  /// Reads ``headField``.
  package static func head(_ text: String) -> JournalHead? {
    let words = text.split(separator: " ")
    guard words.count == 2, let sequence = Int64(words[0]), sequence >= 0,
      words[1].utf8.count == 64
    else { return nil }
    return JournalHead(sequence: sequence, hash: String(words[1]))
  }
}
