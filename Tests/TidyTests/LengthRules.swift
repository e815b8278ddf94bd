extension Rule {
  static let fileLength = Rule(name: "a file is at most 500 lines") { file in
    // The text ends with a line's end, so that the last element is empty.
    let count = file.lines.last == "" ? file.lines.count - 1 : file.lines.count
    guard file.isSwiftOrC, count > 500 else { return [] }
    return [file.finding(501, "\(count) lines", "split the file by what changes together")]
  }

  static let lineLength = Rule(name: "a line is at most 100 columns") { file in
    file.lines.enumerated().compactMap { index, line in
      // Where a link makes a line long, no break would mend it.
      guard line.utf8.count > 100, line.count > 100, !line.contains("://") else { return nil }
      return file.finding(index + 1, "\(line.count) columns", "break the line at 100")
    }
  }

  static let functionLength = Rule(name: "a function is at most 70 lines") { file in
    file.functions.filter { $0.lines.count > 70 }.map { function in
      file.finding(
        function.lines.lowerBound + 1, "\(function.lines.count) lines in one function",
        "name a part of it and take it out")
    }
  }
}

/// Where a function stands in its file.
struct FunctionExtent: Equatable {
  /// From the declaration to the closing brace, counted from 0.
  var lines: Range<Int>
}

extension SourceFile {
  /// Every function with a body, in the order of their ends; functions within functions too.
  var functions: [FunctionExtent] {
    var found: [FunctionExtent] = []
    // Each open brace with the line of the function that it is the body of, if it is one.
    var braces: [Int?] = []
    var declaration: (line: Int, parentheses: Int)?
    var parentheses = 0
    var previous = UInt8(ascii: " ")
    for (number, line) in code.enumerated() {
      if declaresFunction(line) { declaration = (number, parentheses) }
      for byte in line.utf8 where byte != UInt8(ascii: " ") {
        switch byte {
        case UInt8(ascii: "("), UInt8(ascii: "["): parentheses += 1
        case UInt8(ascii: ")"), UInt8(ascii: "]"): parentheses -= 1
        case UInt8(ascii: "{"):
          let isBody =
            isSwift
            ? declaration?.parentheses == parentheses
            : braces.isEmpty && previous == UInt8(ascii: ")")
          braces.append(isBody ? declaration?.line ?? number : nil)
          if isBody { declaration = nil }
        case UInt8(ascii: "}"):
          // A requirement of a protocol has no body; a closure among the parameters is none.
          if declaration?.parentheses == parentheses { declaration = nil }
          if let start = braces.popLast() ?? nil {
            found.append(FunctionExtent(lines: start..<number + 1))
          }
        default: break
        }
        previous = byte
      }
    }
    return found
  }

  /// Whether a declaration of a function begins in this line of code.
  private func declaresFunction(_ line: String) -> Bool {
    guard isSwift else { return line.first.map { $0.isLetter || $0 == "_" } ?? false }
    return line.hasWord("func") || line.hasWord("subscript") || line.hasWord("deinit")
      || line.hasWord("init") && !line.has(".init")
  }
}
