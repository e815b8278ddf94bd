import GRDB

/// A migration of `metrics.sqlite`: pairs that wait for a person's word, and what people said.
///
/// Two tables, since they live by different rules: `pairs_to_label` has texts, which are in no copy
/// and go soon; `labels` has numbers, which stay as other rows do. A pair has one number for ever,
/// and is in one of the tables at a time. Texts are bytes of UTF-8, at most what a judge is shown:
/// one with a NUL in it would end there as an SQLite text.
enum LabelSchema {
  /// Where the texts are.
  static let texts = "pairs_to_label"

  static func migrate(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE pairs_to_label (
          sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
        \(pair),
          question         BLOB NOT NULL CHECK (length(question) <= 32768),
          incumbent_answer BLOB NOT NULL CHECK (length(incumbent_answer) <= 32768),
          candidate_answer BLOB NOT NULL CHECK (length(candidate_answer) <= 32768),
          candidate_first  INTEGER NOT NULL CHECK (candidate_first IN (0, 1)),
          kept_milliseconds INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX pairs_to_label_of_run ON pairs_to_label (run_id, sequence);

        CREATE TABLE labels (
          sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
          number          INTEGER NOT NULL UNIQUE,
        \(pair),
          candidate_first INTEGER NOT NULL CHECK (candidate_first IN (0, 1)),
          preference      REAL    NOT NULL CHECK (preference IN (0, 0.5, 1)),
          actor           TEXT    NOT NULL CHECK (length(actor) BETWEEN 1 AND 128),
          labelled_milliseconds INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX labels_of_run ON labels (run_id, sequence);
        """)
  }

  private static let pair = """
      request_id      TEXT    NOT NULL,
      place           INTEGER NOT NULL REFERENCES places (id),
      run_id          INTEGER NOT NULL REFERENCES runs (id),
      unit_hash       INTEGER NOT NULL,
      propensity      REAL    CHECK (propensity > 0 AND propensity <= 1),
      at_milliseconds INTEGER NOT NULL,
      labels          INTEGER REFERENCES words (id),
      incumbent       INTEGER NOT NULL REFERENCES words (id),
      candidate       INTEGER NOT NULL REFERENCES words (id),
      prompt_tokens   INTEGER CHECK (prompt_tokens >= 0),
      judged          REAL    NOT NULL CHECK (judged BETWEEN 0 AND 1)
    """
}
