import GRDB

/// The schema of `control.sqlite`. A migration that was released is never edited: add another.
enum JournalSchema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1 journal") { db in
      try db.execute(sql: table)
      try db.execute(sql: appendOnly)
    }
    migrator.registerMigration("2 idempotency keys") { db in try db.execute(sql: keys) }
    return migrator
  }

  /// Numbers ascend, so that the oldest key is known.
  private static let keys = """
    CREATE TABLE idempotency_keys (
      number         INTEGER PRIMARY KEY AUTOINCREMENT,
      key            TEXT    NOT NULL UNIQUE CHECK (length(key) BETWEEN 1 AND 128),
      fingerprint    TEXT    NOT NULL CHECK (length(fingerprint) = 64),
      first_sequence INTEGER NOT NULL REFERENCES journal (sequence),
      last_sequence  INTEGER NOT NULL REFERENCES journal (sequence),
      CHECK (first_sequence <= last_sequence)
    ) STRICT
    """

  private static let table = """
    CREATE TABLE journal (
      sequence        INTEGER PRIMARY KEY CHECK (sequence > 0),
      encoding        INTEGER NOT NULL CHECK (encoding > 0),
      title           TEXT    NOT NULL CHECK (title <> ''),
      rollout         TEXT    CHECK (length(rollout) BETWEEN 1 AND 63),
      event           TEXT    NOT NULL CHECK (json_valid(event)),
      actor           TEXT    NOT NULL CHECK (actor <> ''),
      reason          TEXT,
      at_milliseconds INTEGER NOT NULL,
      previous_hash   TEXT    NOT NULL CHECK (length(previous_hash) = 64),
      hash            TEXT    NOT NULL UNIQUE CHECK (length(hash) = 64)
    ) STRICT
    """

  private static let appendOnly = """
    CREATE TRIGGER journal_keeps_entries BEFORE UPDATE ON journal BEGIN
      SELECT RAISE(ABORT, 'the journal is append-only');
    END;
    CREATE TRIGGER journal_loses_nothing BEFORE DELETE ON journal BEGIN
      SELECT RAISE(ABORT, 'the journal is append-only');
    END;
    CREATE TRIGGER journal_has_no_gaps BEFORE INSERT ON journal
    WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM journal)
      OR NEW.previous_hash <> coalesce(
        (SELECT hash FROM journal ORDER BY sequence DESC LIMIT 1), printf('%064d', 0))
    BEGIN
      SELECT RAISE(ABORT, 'an entry follows the one before');
    END;
    """
}
