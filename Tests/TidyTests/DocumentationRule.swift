extension Rule {
  /// What other modules call says what its types cannot.
  ///
  /// What a protocol of ours asks for is described there, operators and `encode(to:)` everywhere.
  ///
  /// - Parameter requirements: names of functions that protocols declare
  static func documentation(requirements: Set<String>) -> Rule {
    Rule(name: "a package type or function has a doc comment") { file in
      guard file.isSource, file.isSwift else { return [] }
      return file.code.indices.compactMap { index in
        guard let declared = PackageDeclaration(file.code[index]),
          !(declared.kind == "func" && requirements.contains(declared.name)),
          !file.hasComment(above: index, where: { $0.hasPrefix("///") })
        else { return nil }
        return file.finding(
          index + 1, "`\(declared.name)` has no doc comment",
          "say its shape, unit, bound, errors or reason in a `///` line above it")
      }
    }
  }
}

/// A type or a function, not an operator, that a line of code declares for the package.
private struct PackageDeclaration {
  let kind: Substring
  let name: String

  private static let modifiers: Set<Substring> = [
    "final", "static", "mutating", "nonmutating", "indirect", "override", "consuming", "borrowing",
    "nonisolated",
  ]
  private static let kinds: Set<Substring> = [
    "struct", "class", "enum", "actor", "protocol", "func",
  ]

  init?(_ line: String) {
    guard line.has("package ") else { return nil }
    var words = line.split(separator: " ").drop { $0.hasPrefix("@") }
    guard words.popFirst() == "package" else { return nil }
    words = words.drop { Self.modifiers.contains($0) }
    guard let kind = words.popFirst(), Self.kinds.contains(kind), let rest = words.first else {
      return nil
    }
    let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
    guard !name.isEmpty, name != "encode" else { return nil }
    self.kind = kind
    self.name = String(name)
  }
}

extension SourceFile {
  /// Names of the functions that protocols in this file ask for.
  var requirements: [String] {
    var names: [String] = []
    var isProtocol = false
    for line in code {
      // The format rules put what is at the top of a file at the front of its line.
      if let first = line.utf8.first, first != UInt8(ascii: " "), first != UInt8(ascii: "}") {
        isProtocol = line.split(separator: " ").contains("protocol")
      }
      guard isProtocol, line.has("func "), let function = line.firstRange(of: "func ") else {
        continue
      }
      names.append(
        String(line[function.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "_" }))
    }
    return names
  }
}
