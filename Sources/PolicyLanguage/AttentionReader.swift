import Experimentation

/// Reads how an engine attends: `{ kind: hybrid, keys: 512 }`.
struct AttentionReader {
  let log: DiagnosticLog
  /// Tokens that the model may have to do with, if the policy says.
  let context: Int?

  private enum Kind: String, CaseIterable {
    case dense, flash, slidingWindow, blockSparse, hybrid, gated

    /// What its mapping may have beside the kind.
    var keys: [AttentionKey] {
      switch self {
      case .dense, .flash: []
      case .slidingWindow: [.window, .sinks]
      case .blockSparse: [.selection, .blockSize, .keys, .denseLayers]
      case .hybrid: [.selection, .blockSize, .keys, .window, .sinks, .denseLayers]
      case .gated: [.gate, .keys, .window, .sinks, .denseLayers]
      }
    }
  }

  /// `nil` when something was reported.
  func attention(_ node: PolicyNode) -> AttentionSpecification? {
    // Before the keys are read, so that an attention that is not known is one mistake.
    if let kind = node.value(of: AttentionKey.kind), case .scalar(let scalar) = kind.content,
      Kind(rawValue: scalar.text) == nil, !scalar.isEmptyPlain
    {
      kind.refuseChoice(
        scalar.text, "attention", of: Kind.allCases.map(\.rawValue), notYet: [], log)
      return nil
    }
    guard let reader = MappingReader<AttentionKey>(node, log: log),
      let kind = reader[.kind]?.choice("attention", among: Kind.allCases, log)
    else { return nil }
    reportMisplaced(reader, in: kind)
    switch kind {
    case .dense: return .dense
    case .flash: return .flash
    case .slidingWindow: return window(reader)
    case .blockSparse: return blockSparse(reader)
    case .hybrid: return hybrid(reader)
    case .gated: return gated(reader)
    }
  }

  private func reportMisplaced(_ reader: MappingReader<AttentionKey>, in kind: Kind) {
    let others = AttentionKey.allCases.filter { $0 != .kind && !kind.keys.contains($0) }
    for key in reader.present(others) {
      let homes = Kind.allCases.filter { $0.keys.contains(key) }.map { "'kind: \($0.rawValue)'" }
      log.report(
        .misplacedKey, at: reader.position(of: key),
        "'\(key.rawValue)' means nothing to \(kind.rawValue) attention",
        hint: "remove it, or write \(homes.joined(separator: " or "))")
    }
  }

  private func window(_ reader: MappingReader<AttentionKey>) -> AttentionSpecification? {
    guard let windowNode = required(.window, "a sliding window needs its length in tokens", reader)
    else { return nil }
    let window = windowNode.integer("window", in: 1...ModelDocument.maximumContext, log)
    let sinks = self.sinks(reader, default: 0)
    guard let window, let sinks else { return nil }
    if let context, window + sinks >= context {
      log.report(
        .windowCoversContext, at: windowNode.position,
        "a window of \(window) and \(sinks) sinks covers the whole context of \(context)",
        hint: "it attends as flash attention does", severity: .warning)
    }
    return .slidingWindow(window: window, sinks: sinks)
  }

  private func blockSparse(_ reader: MappingReader<AttentionKey>) -> AttentionSpecification? {
    let selection = required(.selection, "it says by what blocks are chosen", reader)?.choice(
      "selection", among: BlockSparseSelection.allCases, log)
    let blockSize = self.blockSize(reader)
    let denseLayers = self.denseLayers(reader, default: 0)
    // The first block, the last one, and one to choose.
    let keys = self.keys(reader, atLeast: blockSize.map { 3 * $0 })
    guard let selection, let blockSize, let keys, let denseLayers else { return nil }
    return .blockSparse(
      selection: selection, blockSize: blockSize, keys: keys, denseLayers: denseLayers)
  }

  private func hybrid(_ reader: MappingReader<AttentionKey>) -> AttentionSpecification? {
    let selection =
      if let node = reader[.selection] {
        node.choice("selection", among: HybridSelection.allCases, log)
      } else { HybridSelection?.some(.means) }
    let blockSize = self.blockSize(reader)
    let denseLayers = self.denseLayers(reader, default: 2)
    let sinks = self.sinks(reader, default: 4)
    let window = localWindow(reader)
    let keys = self.keys(reader, atLeast: least(blockSize, sinks: sinks, window: window))
    guard let selection, let blockSize, let keys, let window, let sinks, let denseLayers else {
      return nil
    }
    return .hybrid(
      selection: selection, blockSize: blockSize, keys: keys, window: window, sinks: sinks,
      denseLayers: denseLayers)
  }

  /// The gate says the size of its blocks, and is read when the model is loaded; what it refuses
  /// beyond this is told then.
  private func gated(_ reader: MappingReader<AttentionKey>) -> AttentionSpecification? {
    let gate = required(.gate, "it is the file that 'rollout distill-gate' wrote", reader)
      .flatMap { ModelDocument.path($0, "the path of a gate", log) }
    let denseLayers = self.denseLayers(reader, default: 2)
    let sinks = self.sinks(reader, default: 4)
    let window = localWindow(reader)
    let keys = self.keys(reader, atLeast: least(16, sinks: sinks, window: window))
    guard let gate, let keys, let window, let sinks, let denseLayers else { return nil }
    return .gated(
      gate: gate, keys: keys, window: window, sinks: sinks, denseLayers: denseLayers)
  }

  // MARK: Single keys

  private func localWindow(_ reader: MappingReader<AttentionKey>) -> Int? {
    guard let node = reader[.window] else { return 128 }
    return node.integer("window", in: 1...ModelDocument.maximumContext, log)
  }

  /// Keys that are always seen, where sinks fill their blocks, and one block to choose.
  private func least(_ blockSize: Int?, sinks: Int?, window: Int?) -> Int? {
    guard let blockSize, let sinks, let window else { return nil }
    return window + (sinks + blockSize - 1) / blockSize * blockSize + blockSize
  }

  private func required(
    _ key: AttentionKey, _ hint: String, _ reader: MappingReader<AttentionKey>
  ) -> PolicyNode? {
    if let node = reader[key] { return node }
    if !reader.hasAny([key]) {
      log.report(
        .missingKey, at: reader.position, "missing key '\(key.rawValue)' in attention", hint: hint)
    }
    return nil
  }

  private func sinks(_ reader: MappingReader<AttentionKey>, default usual: Int) -> Int? {
    guard let node = reader[.sinks] else { return usual }
    return node.integer("sinks", in: 0...4_096, log)
  }

  private func denseLayers(_ reader: MappingReader<AttentionKey>, default usual: Int) -> Int? {
    guard let node = reader[.denseLayers] else { return usual }
    return node.integer("denseLayers", in: 0...1_024, log)
  }

  private func blockSize(_ reader: MappingReader<AttentionKey>) -> Int? {
    guard let node = reader[.blockSize] else { return 16 }
    guard let size = node.integer("blockSize", in: 16...64, log) else { return nil }
    if [16, 32, 64].contains(size) { return size }
    log.report(.outOfRange, at: node.position, "blockSize must be 16, 32 or 64, found \(size)")
    return nil
  }

  /// - Parameter atLeast: what the other keys ask for; `nil` when one of them was reported.
  private func keys(_ reader: MappingReader<AttentionKey>, atLeast: Int?) -> Int? {
    guard let node = required(.keys, "it is how many keys a position sees", reader),
      let keys = node.integer("keys", in: 1...ModelDocument.maximumContext, log), let atLeast
    else { return nil }
    guard keys >= atLeast else {
      log.report(
        .outOfRange, at: node.position,
        "keys must be at least \(atLeast) here, found \(keys)",
        hint: "what is always seen, and one block to choose")
      return nil
    }
    if let context, keys >= context {
      log.report(
        .selectionCoversContext, at: node.position,
        "\(keys) keys cover the whole context of \(context)",
        hint: "it attends as flash attention does", severity: .warning)
    }
    return keys
  }
}
