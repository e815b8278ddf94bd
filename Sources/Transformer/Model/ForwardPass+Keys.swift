#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif
import Tensors

/// What variants keep of cached keys, or change in them.
extension ForwardPass {
  /// Summarises the runs of keys that `positions` complete.
  ///
  /// From the keys as they are cached, so that a summary does not depend on how a run's keys came:
  /// in one chunk or several, or with a page that was shared.
  func summarise(_ layer: Int, _ positions: Range<Int>, _ cache: KeyValueCache) {
    guard let run = cache.shape.summary?.run else { return }
    let complete = positions.lowerBound / run..<positions.upperBound / run
    forEach(weights.parameters.keyValueHeads, grain: 1) { heads, _ in
      for head in heads { summarise(runs: complete, layer, head, cache) }
    }
  }

  private func summarise(runs: Range<Int>, _ layer: Int, _ head: Int, _ cache: KeyValueCache) {
    guard let summary = cache.shape.summary else { return }
    for run in runs {
      let (index, part) = run.quotientAndRemainder(dividingBy: summary.runsPerBlock)
      guard let page = cache.page(index),
        let out = page.summary(layer: layer, keyValueHead: head)
      else { continue }
      page.block(layer: layer, keyValueHead: head).summarise(
        run: part, summary, headWidth: cache.shape.headWidth, into: out, kernels: kernels)
    }
  }

  /// Turns the cached keys on where the next position enters another stage of the rotation.
  ///
  /// - Throws: `cacheFull`, if shared pages cannot be copied; the keys are as before then.
  func turnKeys(
    _ cache: inout KeyValueCache, to rotary: RotaryTables
  ) throws(TransformerError) {
    let (old, new) = (cache.rotaryStage, rotary.stage(of: cache.length))
    guard old != new else { return }
    try cache.enterStage(new)
    let turned = cache
    let differences = zip(rotary.stages[new].frequencies, rotary.stages[old].frequencies).map(-)
    let size = KeyBlock.keyCount
    forEach((turned.length + size - 1) / size, grain: 1) { blocks, _ in
      for block in blocks { turn(block, by: differences, turned) }
    }
  }

  /// Turns all keys of one page by position · difference, and summarises them anew.
  ///
  /// - Parameter differences: of frequencies, [pairs]
  private func turn(_ index: Int, by differences: [Double], _ cache: KeyValueCache) {
    guard let page = cache.page(index) else { return }
    let size = KeyBlock.keyCount
    var cosines: [Float] = []
    var sines: [Float] = []
    for difference in differences {
      for position in index * size..<(index + 1) * size {
        cosines.append(Float(cos(Double(position) * difference)))
        sines.append(Float(sin(Double(position) * difference)))
      }
    }
    let runs = cache.shape.summary.map { summary in
      index
        * summary.runsPerBlock..<min(
          (index + 1) * summary.runsPerBlock, cache.length / summary.run)
    }
    for layer in weights.blocks.indices {
      for head in 0..<weights.parameters.keyValueHeads {
        page.block(layer: layer, keyValueHead: head).turn(
          cosines: cosines, sines: sines, pairs: differences.count, kernels: kernels)
        if let runs { summarise(runs: runs, layer, head, cache) }
      }
    }
  }
}
