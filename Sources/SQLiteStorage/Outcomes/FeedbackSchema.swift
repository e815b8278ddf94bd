import GRDB

/// Migration 4 of `metrics.sqlite`: what users said of answers.
///
/// A row carries its assignment itself, so that nothing is looked up among the outcomes, which need
/// no index on their requests. `sequence` is the order of arrival.
enum FeedbackSchema {
  static func migrate(_ db: Database) throws {
    try db.execute(
      sql: """
        ALTER TABLE runs ADD COLUMN feedback INTEGER NOT NULL DEFAULT 0 CHECK (feedback >= 0);

        CREATE TABLE feedback (
          sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
          request_id      TEXT    NOT NULL,
          place           INTEGER NOT NULL REFERENCES places (id),
          run_id          INTEGER,
          unit_hash       INTEGER NOT NULL,
          propensity      REAL    CHECK (propensity > 0 AND propensity <= 1),
          at_milliseconds INTEGER NOT NULL,
          model           INTEGER NOT NULL REFERENCES words (id),
          choice          INTEGER NOT NULL CHECK (choice >= 0),
          metric          TEXT    NOT NULL CHECK (length(metric) BETWEEN 1 AND 63),
          value           REAL    NOT NULL CHECK (value BETWEEN 0 AND 1),
          received_milliseconds INTEGER NOT NULL,
          late            INTEGER NOT NULL CHECK (late IN (0, 1)),
          text            TEXT    CHECK (text <> ''),
          UNIQUE (request_id, at_milliseconds, place, model, unit_hash, choice, metric)
        ) STRICT;
        CREATE INDEX feedback_of_run ON feedback (run_id, sequence);
        """)
  }
}
