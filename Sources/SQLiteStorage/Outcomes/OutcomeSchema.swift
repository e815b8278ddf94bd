import GRDB

/// The schema of `metrics.sqlite`. A migration that was released is never edited: add another.
enum OutcomeSchema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1 outcomes and comparisons") { db in
      try db.execute(
        sql: """
          CREATE TABLE outcomes (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
          \(assignment),
            model TEXT NOT NULL,
          \(measurements(prefix: "")),
            \(wholePosition)
          ) STRICT;
          CREATE INDEX outcomes_of_run ON outcomes (rollout, run, sequence)
            WHERE rollout IS NOT NULL;

          CREATE TABLE comparisons (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
          \(assignment),
            incumbent TEXT NOT NULL,
            candidate TEXT NOT NULL CHECK (candidate <> incumbent),
          \(measurements(prefix: "incumbent_")),
          \(measurements(prefix: "candidate_")),
            token_agreement REAL CHECK (token_agreement BETWEEN 0 AND 1),
            prefix_agreement REAL CHECK (prefix_agreement BETWEEN 0 AND 1),
            \(wholePosition)
          ) STRICT;
          CREATE INDEX comparisons_of_run ON comparisons (rollout, run, sequence)
            WHERE rollout IS NOT NULL;
          """)
    }
    migrator.registerMigration("2 cached prompt tokens") { db in
      for (table, prefix) in [
        ("outcomes", ""), ("comparisons", "incumbent_"), ("comparisons", "candidate_"),
      ] {
        try db.execute(
          sql: """
            ALTER TABLE \(table) ADD COLUMN \(prefix)cached_prompt_tokens INTEGER
              CHECK (\(prefix)cached_prompt_tokens >= 0);
            """)
      }
    }
    migrator.registerMigration("3 compact rows and rollups") { db in
      try CompactSchema.migrate(db)
    }
    migrator.registerMigration("4 feedback") { db in try FeedbackSchema.migrate(db) }
    migrator.registerMigration("5 allocations of bandits") { db in
      try db.execute(
        sql: """
          ALTER TABLE places ADD COLUMN allocation INTEGER NOT NULL DEFAULT 0
            CHECK (allocation >= 0);
          """)
    }
    migrator.registerMigration("6 choices of interleaved answers") { db in
      try db.execute(sql: "ALTER TABLE outcomes ADD COLUMN choices TEXT CHECK (choices <> '')")
    }
    migrator.registerMigration("7 scores") { db in try ScoreSchema.migrate(db) }
    migrator.registerMigration("8 labels of judged pairs") { db in try LabelSchema.migrate(db) }
    migrator.registerMigration("9 draws of interleaved answers") { db in
      try db.execute(sql: "ALTER TABLE outcomes ADD COLUMN draw TEXT CHECK (draw <> '')")
    }
    return migrator
  }

  private static let assignment = """
      request_id      TEXT    NOT NULL,
      route           TEXT    NOT NULL,
      rollout         TEXT,
      digest          TEXT,
      step            INTEGER CHECK (step >= 0),
      run             INTEGER CHECK (run >= 1),
      unit_hash       INTEGER NOT NULL,
      propensity      REAL    CHECK (propensity > 0 AND propensity <= 1),
      at_milliseconds INTEGER NOT NULL
    """

  /// A request belongs to a rollout with all of its place in it, or to none.
  private static let wholePosition = """
    CHECK ((rollout IS NULL) = (digest IS NULL) AND (rollout IS NULL) = (step IS NULL)
        AND (rollout IS NULL) = (run IS NULL))
    """

  /// Durations end at a billion seconds, which keeps infinity out; SQLite keeps NaN as NULL.
  private static func measurements(prefix: String) -> String {
    """
      \(prefix)queue_seconds REAL NOT NULL CHECK (\(prefix)queue_seconds BETWEEN 0 AND 1e9),
      \(prefix)time_to_first_token_seconds REAL
        CHECK (\(prefix)time_to_first_token_seconds BETWEEN 0 AND 1e9),
      \(prefix)time_per_output_token_seconds REAL
        CHECK (\(prefix)time_per_output_token_seconds BETWEEN 0 AND 1e9),
      \(prefix)total_seconds REAL NOT NULL CHECK (\(prefix)total_seconds BETWEEN 0 AND 1e9),
      \(prefix)prompt_tokens INTEGER CHECK (\(prefix)prompt_tokens >= 0),
      \(prefix)output_tokens INTEGER CHECK (\(prefix)output_tokens >= 0),
      \(prefix)finish_reason TEXT,
      \(prefix)failure TEXT
    """
  }
}
