import Experimentation

/// Reads how an engine attends: `{ kind: hybrid, keys: 512 }`.
struct AttentionReader {
  let log: DiagnosticLog
  /// Tokens that the model may have to do with, if the policy says.
  let context: Int?

  /// `nil` when something was reported.
  func attention(_ node: PolicyNode) -> AttentionSpecification? {
    // Before the keys are read, so that an attention that is not known is one mistake.
    if let kind = node.value(of: AttentionKey.kind), case .scalar(let scalar) = kind.content,
      AttentionForm(rawValue: scalar.text) == nil, !scalar.isEmptyPlain
    {
      kind.refuseChoice(
        scalar.text, "attention", of: AttentionForm.allCases.map(\.rawValue), log)
      return nil
    }
    guard let reader = MappingReader<AttentionKey>(node, log: log),
      let kind: AttentionForm = reader.word(.kind, "attention")
    else { return nil }
    reportMisplaced(reader, in: kind)
    reportMissing(reader, in: kind)
    switch kind {
    case .dense: return .dense
    case .flash: return .flash
    case .slidingWindow: return window(reader)
    case .blockSparse: return blockSparse(reader)
    case .hybrid: return hybrid(reader)
    case .gated: return gated(reader)
    }
  }

  private func reportMisplaced(_ reader: MappingReader<AttentionKey>, in kind: AttentionForm) {
    let others = AttentionKey.allCases.filter { $0 != .kind && !kind.keys.contains($0) }
    for key in reader.present(others) {
      let homes = AttentionForm.allCases.filter { $0.keys.contains(key) }.map {
        "'kind: \($0.rawValue)'"
      }
      log.report(
        .misplacedKey, at: reader.position(of: key),
        "'\(key.rawValue)' means nothing to \(kind.rawValue) attention",
        hint: "remove it, or write \(homes.joined(separator: " or "))")
    }
  }

  private func reportMissing(_ reader: MappingReader<AttentionKey>, in kind: AttentionForm) {
    for key in kind.required where !reader.hasAny([key]) {
      log.report(
        .missingKey, at: reader.position, "missing key '\(key.rawValue)' in attention",
        hint: Self.purpose(of: key))
    }
  }

  private static func purpose(of key: AttentionKey) -> String? {
    switch key {
    case .window: "a sliding window needs its length in tokens"
    case .selection: "it says by what blocks are chosen"
    case .keys: "it is how many keys a position sees"
    case .gate: "it is the file that 'rollout distill-gate' wrote"
    case .kind, .sinks, .blockSize, .denseLayers: nil
    }
  }

  private func window(_ reader: MappingReader<AttentionKey>) -> AttentionSpecification? {
    let window = reader.integer(.window)
    let sinks = reader.integer(.sinks, or: 0)
    guard let node = reader[.window], let window, let sinks else { return nil }
    if let context, window + sinks >= context {
      log.report(
        .windowCoversContext, at: node.position,
        "a window of \(window) and \(sinks) sinks covers the whole context of \(context)",
        hint: "it attends as flash attention does", severity: .warning)
    }
    return .slidingWindow(window: window, sinks: sinks)
  }

  private func blockSparse(_ reader: MappingReader<AttentionKey>) -> AttentionSpecification? {
    let selection = reader[.selection]?.choice(
      "selection", among: BlockSparseSelection.allCases, log)
    let blockSize = reader.integer(.blockSize, or: 16)
    let denseLayers = reader.integer(.denseLayers, or: 0)
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
    let blockSize = reader.integer(.blockSize, or: 16)
    let denseLayers = reader.integer(.denseLayers, or: 2)
    let sinks = reader.integer(.sinks, or: 4)
    let window = reader.integer(.window, or: 128)
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
    let gate = reader[.gate].flatMap { ModelDocument.path($0, "the path of a gate", log) }
    let denseLayers = reader.integer(.denseLayers, or: 2)
    let sinks = reader.integer(.sinks, or: 4)
    let window = reader.integer(.window, or: 128)
    let keys = self.keys(reader, atLeast: least(16, sinks: sinks, window: window))
    guard let gate, let keys, let window, let sinks, let denseLayers else { return nil }
    return .gated(
      gate: gate, keys: keys, window: window, sinks: sinks, denseLayers: denseLayers)
  }

  // MARK: Single keys

  /// Keys that are always seen, where sinks fill their blocks, and one block to choose.
  private func least(_ blockSize: Int?, sinks: Int?, window: Int?) -> Int? {
    guard let blockSize, let sinks, let window else { return nil }
    return window + (sinks + blockSize - 1) / blockSize * blockSize + blockSize
  }

  /// - Parameter atLeast: what the other keys ask for; `nil` when one of them was reported.
  private func keys(_ reader: MappingReader<AttentionKey>, atLeast: Int?) -> Int? {
    guard let keys = reader.integer(.keys), let node = reader[.keys], let atLeast else {
      return nil
    }
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
