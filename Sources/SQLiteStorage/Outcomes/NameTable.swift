import Experimentation
import Foundation
import GRDB
import Storage

/// The names that rows refer to by number: words (of models, revisions and label sets), runs and
/// places, as the file has them.
///
/// A value: a writer fills in its own copy, and the store takes it over when the transaction that
/// wrote the new names stands. Clients have a hand in sets of labels and upstreams in revisions; no
/// more than ``maximumWords`` of each are told apart. Only labels that a policy asks for, key and
/// value, come here, so that p of them make at most 2ᵖ sets: 14 slices never reach the bound,
/// whatever clients say.
struct NameTable: Sendable {
  /// Words that get a number; the rows of later ones are kept without labels, or revision.
  static let maximumWords = 20_000

  /// Where in which run a request was routed.
  private struct Place: Hashable {
    var route: RouteName
    var position: RolloutPosition?
  }

  private var words: [String: Int64] = [:]
  private var texts: [Int64: String] = [:]
  private var runs: [RunID: Int64] = [:]
  private var placeIDs: [Place: Int64] = [:]
  private var places: [Int64: Place] = [:]
  private var labelSets: [[String: String]: Int64] = [:]
  private var labels: [Int64: [String: String]] = [:]

  /// Reads all names of a file.
  init(_ db: Database) throws {
    for row in try Row.fetchAll(db, sql: "SELECT id, text FROM words") {
      var columns = ColumnReader(row)
      let id: Int64 = try columns.next()
      note(try columns.next(), id: id)
    }
    for row in try Row.fetchAll(db, sql: "SELECT id, rollout, run FROM runs") {
      var columns = ColumnReader(row)
      let id: Int64 = try columns.next()
      runs[RunID(rollout: try columns.nextName(), run: try columns.next())] = id
    }
    let places = """
      SELECT places.id, route, rollout, digest, step, run, allocation FROM places
      LEFT JOIN runs ON runs.id = run_id
      """
    for row in try Row.fetchAll(db, sql: places) {
      var columns = ColumnReader(row)
      let id: Int64 = try columns.next()
      let route: RouteName = try columns.nextName()
      let rollout: RolloutName? = try columns.nextName()
      let digest: String? = try columns.next()
      let step: Int? = try columns.next()
      let run: Int? = try columns.next()
      let allocation: Int = try columns.next()
      var position: RolloutPosition?
      if let rollout, let digest, let step, let run {
        position = RolloutPosition(
          rollout: rollout, digest: digest, step: step, run: run, allocation: allocation)
      }
      note(Place(route: route, position: position), id: id)
    }
  }

  private mutating func note(_ text: String, id: Int64) {
    words[text] = id
    texts[id] = text
    guard let set = LabelCoding.labels(from: text) else { return }
    labelSets[set] = id
    labels[id] = set
  }

  private mutating func note(_ place: Place, id: Int64) {
    placeIDs[place] = id
    places[id] = place
  }
}

// MARK: - Reading

extension NameTable {
  /// - Throws: `corrupt` for a number that nobody gave out
  func name<Kind>(_ id: Int64) throws -> Name<Kind> {
    guard let name = texts[id].flatMap({ Name<Kind>($0) }) else { throw Self.unknown(id) }
    return name
  }

  func text(_ id: Int64) throws -> String {
    guard let text = texts[id] else { throw Self.unknown(id) }
    return text
  }

  func labels(_ id: Int64?) throws -> [String: String] {
    guard let id else { return [:] }
    guard let set = labels[id] else { throw Self.unknown(id) }
    return set
  }

  func place(_ id: Int64) throws -> (route: RouteName, position: RolloutPosition?) {
    guard let place = places[id] else { throw Self.unknown(id) }
    return (place.route, place.position)
  }

  func run(_ run: RunID) -> Int64? { runs[run] }

  /// The number of a word that has one.
  func id(ofKnown text: String) -> Int64? { words[text] }

  private static func unknown(_ id: Int64) -> StorageError {
    StorageError(.corrupt, "a row names number \(id), which stands for nothing")
  }
}

// MARK: - Writing

extension NameTable {
  mutating func id(of text: String, _ db: Database) throws -> Int64 {
    if let known = words[text] { return known }
    try db.cachedStatement(sql: "INSERT INTO words (text) VALUES (?)").execute(arguments: [text])
    let id = db.lastInsertedRowID
    note(text, id: id)
    return id
  }

  mutating func id(of run: RunID, _ db: Database) throws -> Int64 {
    if let known = runs[run] { return known }
    try db.cachedStatement(sql: "INSERT INTO runs (rollout, run) VALUES (?, ?)")
      .execute(arguments: [run.rollout.text, run.run])
    let id = db.lastInsertedRowID
    runs[run] = id
    return id
  }

  mutating func id(
    of route: RouteName, _ position: RolloutPosition?, _ db: Database
  ) throws -> (place: Int64, run: Int64?) {
    var run: Int64?
    if let position {
      run = try self.id(of: RunID(rollout: position.rollout, run: position.run), db)
    }
    let place = Place(route: route, position: position)
    if let known = placeIDs[place] { return (known, run) }
    try db.cachedStatement(
      sql: "INSERT INTO places (route, run_id, digest, step, allocation) VALUES (?, ?, ?, ?, ?)"
    ).execute(
      arguments: [
        route.text, run, position?.digest, position?.step, position?.allocation ?? 0,
      ])
    let id = db.lastInsertedRowID
    note(place, id: id)
    return (id, run)
  }

  /// `nil` for no labels, and for one set too many.
  mutating func id(of labels: [String: String], _ db: Database) throws -> Int64? {
    if labels.isEmpty { return nil }
    if let known = labelSets[labels] { return known }
    guard self.labels.count < Self.maximumWords else { return nil }
    return try id(of: LabelCoding.text(of: labels), db)
  }

  /// `nil` for none, for one too many, and for one with a NUL: SQLite ends a text there, so that
  /// another word would be kept, or none, and the whole batch be refused for it.
  mutating func id(ofRevision revision: String?, _ db: Database) throws -> Int64? {
    guard let revision, !revision.isEmpty, !revision.utf8.contains(0) else { return nil }
    // Sets of labels, in which clients have a hand, take nothing of the revisions' room.
    guard words[revision] != nil || words.count - labels.count < Self.maximumWords else {
      return nil
    }
    return try id(of: revision, db)
  }
}

/// A set of labels as one word: `{"tier":"gold"}`, keys sorted. No other word begins with a brace.
enum LabelCoding {
  static func text(of labels: [String: String]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(labels), as: UTF8.self)
  }

  static func labels(from text: String) -> [String: String]? {
    guard text.utf8.first == UInt8(ascii: "{") else { return nil }
    return try? JSONDecoder().decode([String: String].self, from: Data(text.utf8))
  }
}
