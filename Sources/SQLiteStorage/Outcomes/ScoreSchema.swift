import GRDB

/// Migration 7 of `metrics.sqlite`: what policies ask to be measured of answers and pairs.
///
/// A row's scores are one value, absent where there are none, so that a policy with many metrics
/// needs no columns of its own and one without any costs nothing: 8 bytes each, the number of the
/// score's name among the `words` and its value as a `Float`, both with the low byte first. Rollups
/// keep theirs in a table beside them.
enum ScoreSchema {
  static func migrate(_ db: Database) throws {
    for (table, column) in [
      ("outcomes", "scores"), ("comparisons", "incumbent_scores"),
      ("comparisons", "candidate_scores"), ("comparisons", "scores"),
    ] {
      try db.execute(
        sql: """
          ALTER TABLE \(table) ADD COLUMN \(column) BLOB
            CHECK (length(\(column)) BETWEEN 8 AND 512 AND length(\(column)) % 8 = 0);
          """)
    }
    try db.execute(
      sql: """
        CREATE TABLE rollup_scores (
          run_id INTEGER NOT NULL REFERENCES runs (id),
          step   INTEGER NOT NULL CHECK (step >= 0),
          model  INTEGER NOT NULL REFERENCES words (id),
          shadow INTEGER NOT NULL CHECK (shadow IN (0, 1)),
          band   INTEGER NOT NULL CHECK (band BETWEEN 0 AND 4),
          score  INTEGER NOT NULL REFERENCES words (id),
          count      INTEGER NOT NULL CHECK (count >= 1),
          mean       REAL    NOT NULL,
          deviations REAL    NOT NULL CHECK (deviations >= 0),
          PRIMARY KEY (run_id, step, model, shadow, band, score)
        ) STRICT, WITHOUT ROWID;
        """)
  }
}
