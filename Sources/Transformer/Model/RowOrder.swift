/// How the rows of query and key matrices are put in order for one kind of rotation.
///
/// Positions rotate pairs of a head's channels. Which channels make a pair is a matter of spelling:
/// files of the architecture `llama` store them side by side, (2i, 2i + 1), as Su et al. 2021 write
/// it; `qwen2`, and every checkpoint of Hugging Face, pairs channel i with i + d/2 ("NeoX" order).
/// Attention sees queries and keys only through their products over all channels of a head,
/// which stay the same when the channels of both are put into another order. So rows are reordered
/// once, while they are loaded, and one kernel rotates all models.
struct RowOrder: Hashable, Sendable {
  /// Rows of one head.
  let headWidth: Int
  /// Rows at the beginning of a head that positions rotate; even, at most `headWidth`.
  let rotaryWidth: Int

  /// Where the file has what becomes row `row`: the first halves of pairs go to even rows.
  ///
  /// - Parameter row: of any number of whole heads
  func source(of row: Int) -> Int {
    let (head, channel) = row.quotientAndRemainder(dividingBy: headWidth)
    guard channel < rotaryWidth else { return row }
    let (pair, half) = channel.quotientAndRemainder(dividingBy: 2)
    return head * headWidth + half * (rotaryWidth / 2) + pair
  }
}
