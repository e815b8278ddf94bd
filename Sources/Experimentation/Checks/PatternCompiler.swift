/// Lays a pattern out as a program, with counts written out.
struct PatternCompiler {
  private(set) var program: [TextPattern.Instruction] = []

  mutating func emit(_ instruction: TextPattern.Instruction) throws(TextPattern.Mistake) {
    guard program.count < TextPattern.programLimit else {
      throw TextPattern.Mistake(problem: "the pattern's counts multiply to too much")
    }
    program.append(instruction)
  }

  mutating func lay(_ node: PatternNode) throws(TextPattern.Mistake) {
    switch node {
    case .oneOf(let set): try emit(.take(set))
    case .anchor(let anchor): try emit(.require(anchor))
    case .sequence(let nodes): for node in nodes { try lay(node) }
    case .choice(let nodes): try lay(choice: nodes)
    case .repeated(let node, let least, let most):
      for _ in 0..<least { try lay(node) }
      guard let most else { return try layAnyNumber(of: node) }
      var splits: [Int] = []
      for _ in least..<most {
        splits.append(program.count)
        try emit(.split(program.count + 1, 0))
        try lay(node)
      }
      for split in splits { program[split] = .split(split + 1, program.count) }
    }
  }

  private mutating func lay(choice nodes: [PatternNode]) throws(TextPattern.Mistake) {
    var ends: [Int] = []
    for node in nodes.dropLast() {
      let split = program.count
      try emit(.split(split + 1, 0))
      try lay(node)
      ends.append(program.count)
      try emit(.jump(0))
      program[split] = .split(split + 1, program.count)
    }
    if let last = nodes.last { try lay(last) }
    for end in ends { program[end] = .jump(program.count) }
  }

  private mutating func layAnyNumber(of node: PatternNode) throws(TextPattern.Mistake) {
    let split = program.count
    try emit(.split(split + 1, 0))
    try lay(node)
    try emit(.jump(split))
    program[split] = .split(split + 1, program.count)
  }
}
