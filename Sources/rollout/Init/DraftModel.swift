import Experimentation

/// A model as somebody names it in a word: `chat.gguf`, `chat.gguf#dense` or
/// `http://vllm:8000/v1#acme/chat-7b`.
struct DraftModel: Hashable {
  var name: String
  var backend: Backend

  enum Backend: Hashable {
    case engine(weights: String, attention: String)
    case upstream(url: String, model: String)
  }

  /// Why a word names no model.
  struct Mistake: Error {
    var message: String
    var remedy: String
  }

  /// Whether the parts of the word are right, the parser says.
  ///
  /// - Throws: ``Mistake`` when one is missing.
  init(_ word: String) throws(Mistake) {
    let parts = word.split(separator: "#", maxSplits: 1).map(String.init)
    guard let place = parts.first, parts.count == 1 || !parts[1].isEmpty else {
      throw Mistake(
        message: "'\(word)' names no model",
        remedy: "name a file of weights, or a server as URL#MODEL")
    }
    if place.contains("://") {
      guard parts.count == 2 else {
        throw Mistake(
          message: "the URL of a server does not say which model is meant",
          remedy: "write URL#MODEL, such as http://vllm:8000/v1#acme/chat-7b")
      }
      backend = .upstream(url: place, model: parts[1])
      name = Self.name(from: parts[1])
    } else {
      let attention = parts.count == 2 ? parts[1] : "flash"
      backend = .engine(weights: place, attention: attention)
      let file = place.split(separator: "/").last.map(String.init) ?? place
      let stem = file.hasSuffix(".gguf") ? String(file.dropLast(5)) : file
      name = Self.name(from: "\(stem)-\(attention)")
    }
  }

  var isUpstream: Bool { if case .upstream = backend { true } else { false } }

  /// The text as a name: other letters become dashes.
  private static func name(from text: String) -> String {
    let letters = text.lowercased().map { letter -> Character in
      let isKept = letter.isASCII && (letter.isLetter || letter.isNumber || "._-".contains(letter))
      return isKept ? letter : "-"
    }
    let trimmed = letters.drop { "._-".contains($0) }
    let name = String(trimmed.prefix(48))
    return ModelName(name) == nil ? "model" : name
  }
}
