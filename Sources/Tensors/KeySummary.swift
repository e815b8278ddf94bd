internal import CKernels

/// What is kept of each run of successive keys, so that queries can choose runs by content.
package struct KeySummary: Hashable, Sendable {
  /// What is kept of a run.
  package enum Kind: Hashable, Sendable {
    /// The mean key of a run.
    case means
    /// The greatest and the least of a run's keys, channel by channel.
    case ranges
    /// The mean key, then the greatest and the least: what a learned gate weighs.
    case pools
  }

  package let kind: Kind
  /// Keys in a run: 16, 32 or 64.
  package let run: Int

  /// - Parameter run: 16, 32 or 64
  package init(_ kind: Kind, run: Int) {
    precondition([16, 32, 64].contains(run), "runs of \(run) keys")
    self.kind = kind
    self.run = run
  }

  /// Runs in a key block.
  package var runsPerBlock: Int { KeyBlock.keyCount / run }

  /// Elements of one block's summary, and of a selector: `[channels, runsPerBlock]`.
  package func elementCount(headWidth: Int) -> Int { vectors * headWidth * runsPerBlock }

  /// Vectors of `headWidth` that are kept of a run.
  package var vectors: Int {
    switch kind {
    case .means: 1
    case .ranges: 2
    case .pools: 3
    }
  }

  /// Bytes of one block's summary, as binary16.
  package func byteCount(headWidth: Int) -> Int {
    elementCount(headWidth: headWidth) * MemoryLayout<UInt16>.stride
  }

  /// What kernels write in one call, and after how many vectors of the summary.
  fileprivate var parts: [(kind: ck_summary, vectorsBefore: Int)] {
    switch kind {
    case .means: [(CK_SUMMARY_MEANS, 0)]
    case .ranges: [(CK_SUMMARY_RANGES, 0)]
    case .pools: [(CK_SUMMARY_MEANS, 0), (CK_SUMMARY_RANGES, 1)]
    }
  }
}

extension KeyBlock {
  /// Writes the summary of run `index`, whose keys are all there, as halves.
  ///
  /// - Parameter out: the block's summary, `elementCount` halves
  package func summarise(
    run index: Int, _ summary: KeySummary, headWidth: Int, into out: UnsafeMutablePointer<UInt16>,
    kernels: Kernels
  ) {
    precondition((0..<summary.runsPerBlock).contains(index), "run \(index) of a block")
    for part in summary.parts {
      kernels.table.pointee.summarise(
        out + part.vectorsBefore * headWidth * summary.runsPerBlock, halves, headWidth,
        summary.run, index, part.kind)
    }
  }

  /// Rotates the channel pairs of all keys, which are halves, each key by its own angles.
  ///
  /// - Parameters:
  ///   - cosines: `[pairs, keyCount]`
  ///   - sines: `[pairs, keyCount]`
  package func turn(
    cosines: UnsafePointer<Float>, sines: UnsafePointer<Float>, pairs: Int, kernels: Kernels
  ) {
    kernels.table.pointee.turn(halves, cosines, sines, pairs)
  }
}

extension QueryTile {
  /// What the tile looks for: `KeySummary.scores` multiplies it with summaries.
  ///
  /// For `pools`: the sum of the queries, then those of their positive and of their negative parts,
  /// so that the scores are those of `means` and `ranges` together.
  ///
  /// - Parameter out: `elementCount` floats, overwritten
  package func writeSelector(
    _ summary: KeySummary, into out: UnsafeMutablePointer<Float>, kernels: Kernels
  ) {
    let vectorCount = native.width * summary.runsPerBlock
    withUnsafePointer(to: native) { tile in
      for part in summary.parts {
        kernels.table.pointee.gather_selector(
          out + part.vectorsBefore * vectorCount, tile, summary.runsPerBlock, part.kind)
      }
    }
  }

  /// The rows of one head of the group.
  package func head(_ index: Int) -> QueryTile {
    precondition((0..<native.group).contains(index), "head \(index) of \(native.group)")
    let offset = index * native.width
    return QueryTile(
      queries: native.queries + offset, sinkQueries: native.sink_queries.map { $0 + offset },
      out: native.out + offset, stride: native.stride, positions: native.positions, group: 1,
      headWidth: native.width, position: Int(native.position), scale: native.scale)
  }

  /// Query heads of the tile.
  package var group: Int { native.group }
}

extension KeySummary {
  /// Scores the runs of one block: the sum over the tile's queries q of q · mean key, or of the
  /// bound Σ_c max(q_c · greatest_c, q_c · least_c) on q · key.
  ///
  /// - Parameters:
  ///   - selector: of the tile
  ///   - block: the block's summary
  ///   - out: `runsPerBlock` floats, overwritten
  package func scores(
    _ selector: UnsafePointer<Float>, _ block: UnsafePointer<UInt16>, headWidth: Int,
    into out: UnsafeMutablePointer<Float>, kernels: Kernels
  ) {
    let runs = runsPerBlock
    kernels.table.pointee.score_runs(
      out, selector, block, elementCount(headWidth: headWidth) / runs, runs)
  }

  /// The places of the `wanted` greatest scores, in order of place; of equals the first.
  ///
  /// - Complexity: O(scores), whatever they are.
  package static func best(_ wanted: Int, of scores: UnsafeBufferPointer<Float>) -> [Int] {
    guard let start = scores.baseAddress, wanted > 0 else { return [] }
    return [UInt32](unsafeUninitializedCapacity: min(wanted, scores.count)) { chosen, count in
      guard let out = chosen.baseAddress else { return }
      count = ck_choose(out, start, scores.count, wanted)
    }.map { Int($0) }
  }
}
