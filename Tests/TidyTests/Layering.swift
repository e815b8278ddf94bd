/// The targets of `Package.swift` in their order, with what each may import of ours.
struct Layering: Equatable {
  private(set) var names: [String] = []
  private(set) var imports: [String: Set<String>] = [:]

  /// Reads the manifest's text: every call of a function that makes a target, with its name first.
  init(manifest: String) {
    let code = manifest.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("//") }
      .joined(separator: "\n")
    let start = code.ranges(of: "targets: [").first?.upperBound ?? code.startIndex
    for (index, call) in Self.calls(in: code[start...]).enumerated() {
      let strings = Self.literals(in: call.arguments)
      guard let first = strings.first, index < 1_000 else { continue }
      let name = call.function == "tests" ? first + "Tests" : first
      names.append(name)
      imports[name] = Set(strings.dropFirst())
    }
    let known = Set(names)
    imports = imports.mapValues { $0.intersection(known) }
  }

  /// What a target may reach through others.
  func reach(of name: String) -> Set<String> {
    var reached: Set<String> = []
    var waiting = imports[name, default: []]
    while let next = waiting.popFirst() {
      guard reached.insert(next).inserted else { continue }
      waiting.formUnion(imports[next, default: []])
    }
    return reached
  }

  /// Dependencies that do not go down, and the two that must never exist.
  func findings(path: String) -> [Finding] {
    var findings: [Finding] = []
    for (place, name) in names.enumerated() {
      for other in imports[name, default: []].sorted() where !names[..<place].contains(other) {
        findings.append(
          Finding(
            path: path, line: 1, message: "\(name) depends on \(other), which stands below it",
            remedy: "import only what stands above in the table"))
      }
    }
    for (data, control) in [
      ("Routing", "Promotion"), ("Routing", "Console"),
      ("Gateway", "Promotion"), ("Gateway", "Console"), ("Transformer", "Experimentation"),
    ]
    where reach(of: data).contains(control) {
      findings.append(
        Finding(
          path: path, line: 1, message: "\(data) reaches \(control)",
          remedy: "publish a value that \(data) reads, as promotion publishes routing tables"))
    }
    for name in names where imports[name, default: []].contains("CKernels") && name != "Tensors" {
      findings.append(
        Finding(
          path: path, line: 1, message: "\(name) calls the kernels",
          remedy: "only Tensors does; give it the operation you need"))
    }
    return findings
  }

  /// Imports in `file` that its target does not declare.
  func findings(in file: SourceFile) -> [Finding] {
    guard let target = file.target, file.isSwift else { return [] }
    guard let allowed = imports[target] else {
      return [file.finding(1, "no target \(target)", "declare it in Package.swift")]
    }
    return file.code.indices.compactMap { index in
      guard file.code[index].hasWord("import") else { return nil }
      let words = file.code[index].split(separator: " ")
      guard let keyword = words.firstIndex(of: "import"), keyword + 1 < words.count else {
        return nil
      }
      let module = words.last?.split(separator: ".").first.map(String.init) ?? ""
      guard imports[module] != nil, !allowed.contains(module) else { return nil }
      return file.finding(
        index + 1, "\(target) imports \(module)",
        "declare it in Package.swift if the ranks allow it, else move the code")
    }
  }

  private static func calls(
    in code: Substring
  ) -> [(function: String, arguments: Substring)] {
    var calls: [(String, Substring)] = []
    var rest = code
    while let open = rest.firstIndex(of: "(") {
      let name = String(rest[..<open].reversed().prefix { $0.isLetter }.reversed())
      guard let close = matching(open, in: rest) else { break }
      if ["target", "executableTarget", "testTarget", "tests"].contains(name) {
        calls.append((name, rest[rest.index(after: open)..<close]))
      }
      rest = rest[rest.index(after: close)...]
    }
    return calls
  }

  private static func matching(_ open: Substring.Index, in text: Substring) -> Substring.Index? {
    var depth = 0
    for index in text[open...].indices {
      if text[index] == "(" { depth += 1 }
      if text[index] == ")" { depth -= 1 }
      if depth == 0 { return index }
    }
    return nil
  }

  private static func literals(in arguments: Substring) -> [String] {
    arguments.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset % 2 == 1 }.map { String($0.element) }
  }
}
