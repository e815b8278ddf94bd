import Tensors

extension ModelVariant {
  /// What of the engine's settings does not hold for this variant, each in a sentence without its
  /// subject, for whoever set them; empty when all does.
  ///
  /// Such variants keep halves where 8 bits are asked for. What is chosen by content is chosen by
  /// means or ranges of keys, which are kept in halves beside them: made of codes, they would be
  /// bounds on other keys than the ones attended to. Keys that are turned on as a text grows
  /// (dynamic NTK) would be rounded to 8 bits again at each turn, and the errors add up.
  ///
  /// Nor are beginnings of prompts kept where keys are turned: what is kept of another text has the
  /// rotation of that text's length, so that it is not what this one would have written.
  package func exceptions(to configuration: Engine.Configuration) -> [String] {
    let format = KeyValuePage.Shape(self, format: configuration.cacheFormat).format
    var exceptions: [String] = []
    if format != configuration.cacheFormat {
      let reason =
        attention.summary != nil
        ? "it chooses blocks by keys in halves" : "its keys are turned while a text grows"
      exceptions.append(
        "keeps attention caches in \(format.rawValue), not \(configuration.cacheFormat.rawValue): "
          + reason)
    }
    if configuration.keepsPrefixes, turnsKeys {
      exceptions.append(
        "reads prompts anew that begin alike: its keys are turned while a text grows")
    }
    return exceptions
  }
}
