import Synchronization
import Transformer

/// A vocabulary in lexicographic order, made when the first answer needs it: most never do.
final class LazyTokenIndex: Sendable {
  private let tokenizer: Tokenizer
  private let made = Mutex<TokenIndex?>(nil)

  init(_ tokenizer: Tokenizer) {
    self.tokenizer = tokenizer
  }

  /// Whoever comes first makes it, which takes a tenth of a second; others wait for that.
  var index: TokenIndex {
    made.withLock { made in
      if let made { return made }
      let new = TokenIndex(tokenizer)
      made = new
      return new
    }
  }
}
