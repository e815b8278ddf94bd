/// A piece of a policy file with its place: what is left of YAML once it was parsed.
struct PolicyNode {
  var position: SourcePosition
  var content: Content

  enum Content {
    case scalar(Scalar)
    case list([PolicyNode])
    case mapping([Entry])
  }

  /// As written: nothing was taken for a number, a date or a truth value.
  struct Scalar {
    var text: String
    var isQuoted: Bool
  }

  struct Entry {
    var key: String
    var keyPosition: SourcePosition
    var value: PolicyNode
  }

  /// What a message calls it.
  var kind: String {
    switch content {
    case .scalar(let scalar) where scalar.isEmptyPlain: "nothing"
    case .scalar(let scalar): "'\(scalar.text.clipped)'"
    case .list: "a list"
    case .mapping: "a mapping"
    }
  }
}

extension PolicyNode.Scalar {
  /// Nothing stands after the colon or the dash.
  var isEmptyPlain: Bool { text.isEmpty && !isQuoted }
}

extension String {
  /// At most 60 characters, for a message; with stand-ins for what would upset a terminal.
  var clipped: String {
    var view = String.UnicodeScalarView()
    for scalar in unicodeScalars.prefix(60) {
      let isUnsafe = scalar.isForbiddenInPolicy || scalar == "\n" || scalar == "\t"
      view.append(isUnsafe ? "\u{FFFD}" : scalar)
    }
    return String(view) + (unicodeScalars.count > 60 ? "…" : "")
  }
}
