package import Experimentation
import Foundation

/// Makes a trace of lines as `rollout export --format jsonl` writes them: outcomes, comparisons, or
/// both, from one file or from many.
///
/// Files come in pieces of any length; memory holds the trace and one line. Every line that cannot
/// be used is reported with its place and what was expected, up to a bound; one such line is enough
/// for there to be no trace. An outcome must have `model`, `at_milliseconds` and `total_seconds`; a
/// comparison `request_id`, `at_milliseconds`, `incumbent`, `candidate` and both sides'
/// `total_seconds`. All else may be left out or be null:
///
/// - `request_id`: without it, no pair belongs to the request;
/// - `unit_hash`, hexadecimal: without it, the request is a unit of its own;
/// - `propensity`: null is a request that was pinned to its model, and left out; without the key
///   the request says nothing of policies that were not in force;
/// - `route`: without it, the one that is asked for; keys that are not known are passed over.
package struct TraceReader: Sendable {
  /// What a trace may hold; beyond, reading ends with a problem.
  package struct Limits: Sendable {
    package var rows: Int
    package var lineBytes: Int
    package var models: Int
    package var problems: Int

    package init(
      rows: Int = 10_000_000, lineBytes: Int = 1 << 20, models: Int = 64, problems: Int = 20
    ) {
      (self.rows, self.lineBytes, self.models, self.problems) = (rows, lineBytes, models, problems)
    }
  }

  private let limits: Limits
  private var scanner = TraceScanner()
  private var builder: TraceBuilder
  private var file = ""
  private var line = 0
  private var rest: [UInt8] = []
  private var isPassingOver = false
  private var problems: [TraceProblem] = []
  private var omitted = 0

  /// - Parameter route: requests of other routes are counted and left out.
  package init(route: RouteName, limits: Limits = Limits()) {
    self.limits = limits
    builder = TraceBuilder(route: route, limits: limits)
  }

  /// Whether reading on makes no sense: there are more lines than a trace may have.
  package private(set) var isFull = false

  /// Begins a file; its name is what problems are reported under.
  package mutating func begin(file: String) {
    endFile()
    (self.file, line) = (file, 0)
  }

  /// Takes the next bytes of the file in.
  package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    let bytes = bytes.bindMemory(to: UInt8.self)
    var start = 0
    while start < bytes.count, !isFull {
      let end = Self.lineEnd(bytes, from: start)
      let piece = UnsafeBufferPointer(rebasing: bytes[start..<(end ?? bytes.count)])
      if end == nil || !rest.isEmpty || isPassingOver {
        keep(piece)
        if end != nil { endLine() }
      } else {
        line += 1
        take(piece)
      }
      start = (end ?? bytes.count) + 1
    }
  }

  /// The trace, after the last file.
  ///
  /// - Throws: `TraceErrors` with every line that cannot be used.
  package mutating func finish() throws(TraceErrors) -> Trace {
    endFile()
    if builder.trace.requests.isEmpty, builder.waiting.isEmpty, problems.isEmpty, !file.isEmpty {
      report(builder.absence, line: max(1, line))
    }
    guard problems.isEmpty else { throw TraceErrors(problems: problems, omitted: omitted) }
    return builder.finish()
  }

  private static func lineEnd(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    guard let base = bytes.baseAddress,
      let found = memchr(base + start, Int32(UInt8(ascii: "\n")), bytes.count - start)
    else { return nil }
    return UnsafeRawPointer(found) - UnsafeRawPointer(base)
  }

  private mutating func keep(_ piece: UnsafeBufferPointer<UInt8>) {
    if rest.count + piece.count > limits.lineBytes { isPassingOver = true }
    if isPassingOver { rest = [] } else { rest.append(contentsOf: piece) }
  }

  private mutating func endLine() {
    line += 1
    if isPassingOver {
      isPassingOver = false
      return report("expected a line of at most \(limits.lineBytes) bytes")
    }
    let whole = rest
    rest.removeAll(keepingCapacity: true)
    whole.withUnsafeBufferPointer { take($0) }
  }

  /// A file may lack its last end of line.
  private mutating func endFile() {
    if !rest.isEmpty || isPassingOver { endLine() }
  }

  private mutating func take(_ bytes: UnsafeBufferPointer<UInt8>) {
    // Blank lines separate nothing and say nothing.
    if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { return }
    guard bytes.count <= limits.lineBytes else {
      return report("expected a line of at most \(limits.lineBytes) bytes")
    }
    guard builder.rows < limits.rows else {
      isFull = true
      return report("expected at most \(limits.rows) lines in all")
    }
    do throws(TraceFault) {
      try scanner.scan(bytes)
      try builder.add(scanner, bytes)
    } catch {
      report((error.column.map { "column \($0 + 1): " } ?? "") + "expected \(error.expected)")
    }
  }

  private mutating func report(_ message: String, line: Int? = nil) {
    guard problems.count < limits.problems else {
      omitted += 1
      return
    }
    problems.append(TraceProblem(file: file, line: line ?? self.line, message: message))
  }
}
