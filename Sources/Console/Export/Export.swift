package import Storage

/// What a store has of one run, as text for other programs, in pages.
///
/// Memory holds one page at a time, however many rows there are. The fields are a public interface:
/// new ones come at the end.
package struct Export: Sendable {
  /// How rows are written.
  package enum Format: String, Hashable, Sendable, CaseIterable {
    /// RFC 4180, with a line of names first; unknown is empty.
    case csv
    /// An object of JSON a line; unknown is `null`.
    case jsonl

    package var mediaType: String {
      switch self {
      case .csv: "text/csv; charset=utf-8; header=present"
      case .jsonl: "application/jsonl; charset=utf-8"
      }
    }
  }

  /// Which rows are written.
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Answers that users got.
    case outcomes
    /// Pairs of an answer and a shadow's.
    case comparisons
    /// What users said of answers, in the order in which it came.
    case feedback
    /// What people said of judged pairs, in the order in which they said it; no text.
    case labels
    /// What all of them add up to, by step, model and length of prompt.
    case rollups
  }

  private let run: RunID
  private let kind: Kind
  private let format: Format

  /// Rows of a page.
  private static let page = 1_000

  package init(of run: RunID, _ kind: Kind, as format: Format) {
    self.run = run
    self.kind = kind
    self.format = format
  }

  /// Of the text that is written.
  package var mediaType: String { format.mediaType }

  /// Hands the whole export to `write`, a page of text at a time.
  package func write(
    from store: any OutcomeStore, labels: any LabelStore = NoLabels(),
    _ write: (String) async throws -> Void
  ) async throws {
    switch kind {
    case .outcomes:
      try await pages(write) {
        try await store.outcomes(of: run.rollout, run: run.run, after: $0, limit: Self.page)
      }
    case .comparisons:
      try await pages(write) {
        try await store.comparisons(of: run.rollout, run: run.run, after: $0, limit: Self.page)
      }
    case .feedback:
      try await pages(write) {
        try await store.feedback(of: run.rollout, run: run.run, after: $0, limit: Self.page)
      }
    case .labels:
      try await pages(write) {
        try await labels.labels(of: run.rollout, run: run.run, after: $0, limit: Self.page)
      }
    case .rollups:
      let rollups = try await store.rollups(of: run.rollout, run: run.run)
      let rows = rollups.map { RollupRow(run: run, key: $0.key, rollup: $0.value) }
      try await write(head(of: RollupRow.self) + text(of: rows.sorted { $0.key < $1.key }))
    }
  }

  private func pages<Row: ExportRow>(
    _ write: (String) async throws -> Void,
    _ read: (Int64) async throws -> [Sequenced<Row>]
  ) async throws {
    try await write(head(of: Sequenced<Row>.self))
    var sequence: Int64 = 0
    while true {
      let rows = try await read(sequence)
      guard let last = rows.last else { return }
      try await write(text(of: rows))
      sequence = last.sequence
    }
  }

  private func head<Row: ExportRow>(of _: Row.Type) -> String {
    switch format {
    case .csv: Row.names.joined(separator: ",") + "\r\n"
    case .jsonl: ""
    }
  }

  private func text(of rows: [some ExportRow]) -> String {
    rows.reduce(into: "") { text, row in
      switch format {
      case .csv: row.appendCSV(to: &text)
      case .jsonl: row.appendJSON(to: &text)
      }
    }
  }
}
