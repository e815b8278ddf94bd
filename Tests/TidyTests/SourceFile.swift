/// A file of this repository as the rules see it: its lines whole, and apart what is code and what
/// is comment. What stands inside string literals is neither.
struct SourceFile {
  /// From the repository's root: `Sources/Routing/Router.swift`.
  let path: String
  let lines: [Substring]

  /// The lines with spaces in place of comments and of what stands in string literals.
  let code: [String]

  /// The lines with spaces in place of everything but comments.
  let comments: [String]

  init(path: String, text: String) {
    self.path = path
    lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    var lexer = Lexer(isSwift: path.hasSuffix(".swift"))
    let parts = lexer.separate(Array(text.utf8))
    code = Self.lines(parts.code)
    comments = Self.lines(parts.comments)
  }

  /// The first folder below `Sources` or `Tests`, a target's name.
  var target: String? {
    let folders = path.split(separator: "/")
    return folders.count > 2 && isSwiftOrC ? String(folders[1]) : nil
  }

  var isSource: Bool { path.hasPrefix("Sources/") }
  var isSwift: Bool { path.hasSuffix(".swift") }
  var isSwiftOrC: Bool { isSwift || path.hasSuffix(".c") || path.hasSuffix(".h") }

  private static func lines(_ bytes: [UInt8]) -> [String] {
    bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
  }
}

/// Tells code, comments and literals apart, well enough for rules that look at lines.
private struct Lexer {
  private enum Context: Equatable {
    case code
    /// Code inside a literal's `\(…)`, with the parentheses open in it.
    case interpolation(open: Int)
    case lineComment
    case blockComment(depth: Int)
    case literal(hashes: Int, isMultiline: Bool)
    case character

    var part: Part {
      switch self {
      case .code, .interpolation: .code
      case .lineComment, .blockComment: .comment
      case .literal, .character: .neither
      }
    }
  }

  private enum Part {
    case code, comment, neither
  }

  /// The bytes that can begin or end a context.
  private static let special: [Bool] = (UInt8.min...UInt8.max).map { byte in
    "\n\"'/*#()\\".utf8.contains(byte)
  }

  let isSwift: Bool
  private var contexts: [Context] = []
  private var bytes: [UInt8] = []
  private var code: [UInt8] = []
  private var comments: [UInt8] = []
  private var position = 0

  init(isSwift: Bool) {
    self.isSwift = isSwift
  }

  mutating func separate(_ text: [UInt8]) -> (code: [UInt8], comments: [UInt8]) {
    bytes = text
    code.reserveCapacity(text.count)
    comments.reserveCapacity(text.count)
    while position < bytes.count {
      let context = contexts.last ?? .code
      if bytes[position] == UInt8(ascii: "\n") {
        endLine()
      } else if let plain = plainCount() {
        take(plain, as: context.part)
      } else {
        switch context {
        case .code, .interpolation: lexCode()
        case .lineComment: take(1, as: .comment)
        case .blockComment(let depth): lexBlockComment(depth: depth)
        case .literal(let hashes, let isMultiline): lexLiteral(hashes, isMultiline)
        case .character: lexCharacter()
        }
      }
    }
    return (code, comments)
  }

  /// Ends what cannot go on past a line, so that one mistake stays in its line.
  private mutating func endLine() {
    take(1, as: .code)
    comments[comments.count - 1] = UInt8(ascii: "\n")
    while let last = contexts.last {
      switch last {
      case .code, .blockComment, .literal(_, isMultiline: true): return
      case .interpolation:
        let isMultiline = contexts.dropLast().last.map {
          if case .literal(_, isMultiline: true) = $0 { true } else { false }
        }
        if isMultiline == true { return }
      case .lineComment, .literal, .character: break
      }
      contexts.removeLast()
    }
  }

  private mutating func lexCode() {
    if starts("//") { return open(.lineComment, 2) }
    if starts("/*") { return open(.blockComment(depth: 1), 2) }
    if !isSwift, starts("'") { return open(.character, 1) }
    let hashes = isSwift ? bytes[position...].prefix { $0 == UInt8(ascii: "#") }.count : 0
    if startsMultilineLiteral(after: hashes) {
      return open(.literal(hashes: hashes, isMultiline: true), hashes + 3)
    }
    if starts("\"", after: hashes) {
      return open(.literal(hashes: hashes, isMultiline: false), hashes + 1)
    }
    if case .interpolation(let open) = contexts.last {
      if starts("(") { contexts[contexts.count - 1] = .interpolation(open: open + 1) }
      if starts(")") {
        if open == 0 {
          contexts.removeLast()
        } else {
          contexts[contexts.count - 1] = .interpolation(open: open - 1)
        }
      }
    }
    take(1, as: .code)
  }

  private mutating func lexBlockComment(depth: Int) {
    let deeper = starts("/*") && isSwift ? 1 : starts("*/") ? -1 : 0
    take(deeper == 0 ? 1 : 2, as: .comment)
    contexts[contexts.count - 1] = .blockComment(depth: depth + deeper)
    if depth + deeper == 0 { contexts.removeLast() }
  }

  private mutating func lexLiteral(_ hashes: Int, _ isMultiline: Bool) {
    let fence = String(repeating: "#", count: hashes)
    if starts("\\" + fence) {
      if starts("\\" + fence + "("), isSwift { return open(.interpolation(open: 0), hashes + 2) }
      return take(min(hashes + 2, lineRest), as: .neither)
    }
    let end = (isMultiline ? "\"\"\"" : "\"") + fence
    if starts(end) {
      take(end.utf8.count, as: .code)
      contexts.removeLast()
    } else {
      take(1, as: .neither)
    }
  }

  private mutating func lexCharacter() {
    if starts("\\") { return take(min(2, lineRest), as: .neither) }
    let isEnd = starts("'")
    take(1, as: .neither)
    if isEnd { contexts.removeLast() }
  }

  /// How many bytes from here on belong where the first does, or `nil` if it may not.
  private func plainCount() -> Int? {
    var end = position
    while end < bytes.count, !Self.special[Int(bytes[end])] { end += 1 }
    return end > position ? end - position : nil
  }

  private var lineRest: Int { bytes[position...].prefix { $0 != UInt8(ascii: "\n") }.count }

  private func starts(_ text: String, after offset: Int = 0) -> Bool {
    bytes[min(position + offset, bytes.count)...].starts(with: text.utf8)
  }

  /// Three quotation marks open a literal of many lines where nothing follows them in their line.
  private func startsMultilineLiteral(after hashes: Int) -> Bool {
    guard isSwift, starts("\"\"\"", after: hashes) else { return false }
    return bytes[(position + hashes + 3)...].prefix { $0 != UInt8(ascii: "\n") }
      .allSatisfy { $0 == UInt8(ascii: " ") }
  }

  private mutating func open(_ context: Context, _ length: Int) {
    contexts.append(context)
    take(length, as: context.part == .comment ? .comment : .code)
  }

  /// Moves `count` bytes on, which go to the code, to the comments, or to neither.
  private mutating func take(_ count: Int, as part: Part) {
    let end = min(position + count, bytes.count)
    let spaces = repeatElement(UInt8(ascii: " "), count: end - position)
    if part == .code {
      code.append(contentsOf: bytes[position..<end])
    } else {
      code.append(contentsOf: spaces)
    }
    if part == .comment {
      comments.append(contentsOf: bytes[position..<end])
    } else {
      comments.append(contentsOf: spaces)
    }
    position = end
  }
}
