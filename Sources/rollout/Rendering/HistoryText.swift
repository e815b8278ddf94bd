import Console
import Experimentation

/// What `rollout history` shows, and what a command that was carried out wrote down.
struct HistoryText {
  var style: Style

  func text(of history: HistoryResponse) -> String {
    if history.entries.isEmpty { return "Nothing has happened yet.\n" }
    var lines: [String] = []
    if history.omitted > 0 {
      lines.append("… \(Numbers.count(history.omitted)) earlier entries are not shown")
    }
    return (lines + table(history.entries)).joined(separator: "\n") + "\n"
  }

  /// The entries that one command made.
  func text(of entries: [HistoryResponse.Entry]) -> String {
    if entries.isEmpty { return "Nothing to do: it is in force already.\n" }
    return table(entries).joined(separator: "\n") + "\n"
  }

  private func table(_ entries: [HistoryResponse.Entry]) -> [String] {
    var table = Table([
      ("#", .right), ("TIME", .left), ("ROLLOUT", .left), ("EVENT", .left), ("DETAIL", .left),
      ("ACTOR", .left), ("REASON", .left),
    ])
    for entry in entries {
      table.add([
        .init("\(entry.sequence)", .faint),
        .init(Numbers.time(milliseconds: entry.atMilliseconds)),
        .init(entry.rollout?.text ?? ""), .init(entry.title, .bold), .init(entry.detail),
        .init(entry.actor), .init(entry.reason ?? ""),
      ])
    }
    return table.lines(style)
  }
}
