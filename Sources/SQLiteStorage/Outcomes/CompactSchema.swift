import GRDB

/// Migration 3 of `metrics.sqlite`: names that repeat in every row are written once, and rollups
/// stand beside the rows. Rows shrink to half, so that ten million fit in 2 GB.
enum CompactSchema {
  static func migrate(_ db: Database) throws {
    try db.execute(sql: names)
    try db.execute(sql: outcomes + comparisons)
    try db.execute(sql: rollups)
    try db.execute(sql: takeOver)
  }

  /// `words` are names of models, revisions and sets of labels. A place is where in which run a
  /// request was routed; one without a run belongs to no rollout.
  private static let names = """
    CREATE TABLE words (
      id   INTEGER PRIMARY KEY,
      text TEXT    NOT NULL UNIQUE CHECK (text <> '')
    ) STRICT;

    CREATE TABLE runs (
      id          INTEGER PRIMARY KEY,
      rollout     TEXT    NOT NULL CHECK (length(rollout) BETWEEN 1 AND 63),
      run         INTEGER NOT NULL CHECK (run >= 1),
      outcomes    INTEGER NOT NULL DEFAULT 0 CHECK (outcomes >= 0),
      comparisons INTEGER NOT NULL DEFAULT 0 CHECK (comparisons >= 0),
      UNIQUE (rollout, run)
    ) STRICT;

    CREATE TABLE places (
      id     INTEGER PRIMARY KEY,
      route  TEXT    NOT NULL,
      run_id INTEGER REFERENCES runs (id),
      digest TEXT,
      step   INTEGER CHECK (step >= 0),
      CHECK ((run_id IS NULL) = (digest IS NULL) AND (run_id IS NULL) = (step IS NULL))
    ) STRICT;
    """

  private static let assignment = """
      request_id      TEXT    NOT NULL,
      place           INTEGER NOT NULL REFERENCES places (id),
      run_id          INTEGER,
      unit_hash       INTEGER NOT NULL,
      propensity      REAL    CHECK (propensity > 0 AND propensity <= 1),
      at_milliseconds INTEGER NOT NULL,
      labels          INTEGER REFERENCES words (id)
    """

  private static let outcomes = """
    CREATE TABLE new_outcomes (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    \(assignment),
      model INTEGER NOT NULL REFERENCES words (id),
    \(measurements(prefix: ""))
    ) STRICT;
    """

  private static let comparisons = """
    CREATE TABLE new_comparisons (
      sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    \(assignment),
      incumbent INTEGER NOT NULL REFERENCES words (id),
      candidate INTEGER NOT NULL REFERENCES words (id) CHECK (candidate <> incumbent),
    \(measurements(prefix: "incumbent_")),
    \(measurements(prefix: "candidate_")),
      token_agreement REAL CHECK (token_agreement BETWEEN 0 AND 1),
      prefix_agreement REAL CHECK (prefix_agreement BETWEEN 0 AND 1)
    ) STRICT;
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
      \(prefix)cached_prompt_tokens INTEGER CHECK (\(prefix)cached_prompt_tokens >= 0),
      \(prefix)finish_reason TEXT,
      \(prefix)failure TEXT,
      \(prefix)cost REAL CHECK (\(prefix)cost BETWEEN 0 AND 1e9),
      \(prefix)revision INTEGER REFERENCES words (id)
    """
  }

  /// Sketches in `QuantileSketch`'s encoding; summaries as count, mean and squared deviations.
  private static let rollups = """
    CREATE TABLE rollups (
      run_id INTEGER NOT NULL REFERENCES runs (id),
      step   INTEGER NOT NULL CHECK (step >= 0),
      model  INTEGER NOT NULL REFERENCES words (id),
      shadow INTEGER NOT NULL CHECK (shadow IN (0, 1)),
      band   INTEGER NOT NULL CHECK (band BETWEEN 0 AND 4),
      answers INTEGER NOT NULL CHECK (answers >= 0),
      errors  INTEGER NOT NULL CHECK (errors BETWEEN 0 AND answers),
      queue_seconds                 BLOB NOT NULL,
      time_to_first_token_seconds   BLOB NOT NULL,
      time_per_output_token_seconds BLOB NOT NULL,
      total_seconds                 BLOB NOT NULL,
      output_tokens                 BLOB NOT NULL,
      token_agreement_count       INTEGER NOT NULL CHECK (token_agreement_count >= 0),
      token_agreement_mean        REAL    NOT NULL,
      token_agreement_deviations  REAL    NOT NULL CHECK (token_agreement_deviations >= 0),
      prefix_agreement_count      INTEGER NOT NULL CHECK (prefix_agreement_count >= 0),
      prefix_agreement_mean       REAL    NOT NULL,
      prefix_agreement_deviations REAL    NOT NULL CHECK (prefix_agreement_deviations >= 0),
      cost_count                  INTEGER NOT NULL CHECK (cost_count >= 0),
      cost_mean                   REAL    NOT NULL,
      cost_deviations             REAL    NOT NULL CHECK (cost_deviations >= 0),
      PRIMARY KEY (run_id, step, model, shadow, band)
    ) STRICT, WITHOUT ROWID;
    """

  private static let takeOver = """
    INSERT INTO words (text)
      SELECT model FROM outcomes UNION SELECT incumbent FROM comparisons
      UNION SELECT candidate FROM comparisons;
    INSERT INTO runs (rollout, run)
      SELECT rollout, run FROM outcomes WHERE rollout IS NOT NULL
      UNION SELECT rollout, run FROM comparisons WHERE rollout IS NOT NULL;
    CREATE TEMP TABLE old_places AS
      SELECT route, rollout, run, digest, step FROM outcomes
      UNION SELECT route, rollout, run, digest, step FROM comparisons;
    INSERT INTO places (route, run_id, digest, step)
      SELECT route, runs.id, digest, step FROM old_places
      LEFT JOIN runs USING (rollout, run);
    DROP TABLE old_places;

    \(copy("outcomes", models: ["model"], prefixes: [""], rest: []))
    \(copy(
      "comparisons", models: ["incumbent", "candidate"], prefixes: ["incumbent_", "candidate_"],
      rest: ["token_agreement", "prefix_agreement"]))
    """

  private static func copy(
    _ table: String, models: [String], prefixes: [String], rest: [String]
  ) -> String {
    let measured = prefixes.flatMap { prefix in
      [
        "queue_seconds", "time_to_first_token_seconds", "time_per_output_token_seconds",
        "total_seconds", "prompt_tokens", "output_tokens", "cached_prompt_tokens",
        "finish_reason", "failure",
      ].map { prefix + $0 }
    }
    let plain =
      ["sequence", "request_id", "unit_hash", "propensity", "at_milliseconds"] + measured + rest
    let names = plain + ["place", "run_id"] + models
    let values =
      plain.map { "old.\($0)" } + ["places.id", "runs.id"]
      + models.map { "(SELECT id FROM words WHERE text = old.\($0))" }
    return """
      INSERT INTO new_\(table) (\(names.joined(separator: ", ")))
        SELECT \(values.joined(separator: ", ")) FROM \(table) AS old
        LEFT JOIN runs ON runs.rollout = old.rollout AND runs.run = old.run
        JOIN places ON places.route = old.route AND places.run_id IS runs.id
          AND places.digest IS old.digest AND places.step IS old.step
        ORDER BY old.sequence;
      DROP TABLE \(table);
      ALTER TABLE new_\(table) RENAME TO \(table);
      CREATE INDEX \(table)_of_run ON \(table) (run_id, sequence);
      UPDATE runs SET \(table) = (SELECT count(*) FROM \(table) WHERE run_id = runs.id);
      """
  }
}
