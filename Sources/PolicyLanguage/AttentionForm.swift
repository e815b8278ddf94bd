import Experimentation

/// How an engine may attend, as the language names it, with the keys that go with it.
enum AttentionForm: String, CaseIterable {
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

  /// What its mapping must have; everything else has a usual value.
  var required: [AttentionKey] {
    switch self {
    case .dense, .flash: []
    case .slidingWindow: [.window]
    case .blockSparse: [.selection, .keys]
    case .hybrid: [.keys]
    case .gated: [.gate, .keys]
    }
  }

  /// By what any of them may choose blocks.
  static var allSelections: [String] {
    let selections = allCases.flatMap(\.selections)
    return selections.indices.filter { selections.firstIndex(of: selections[$0]) == $0 }
      .map { selections[$0] }
  }

  /// By what it may choose blocks.
  var selections: [String] {
    switch self {
    case .blockSparse: BlockSparseSelection.allCases.map(\.rawValue)
    case .hybrid: HybridSelection.allCases.map(\.rawValue)
    case .dense, .flash, .slidingWindow, .gated: []
    }
  }
}
