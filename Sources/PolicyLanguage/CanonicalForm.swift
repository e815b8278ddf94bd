import Crypto
package import Experimentation

/// A value written in one way only: what digests are made over.
///
/// JSON without spaces, keys in order of their bytes, numbers as their shortest decimal that reads
/// back the same. What a policy leaves out is written with its default, so that saying a default
/// changes nothing. A key that a later version adds must be left out while it has the value that
/// everything had before, or every digest would change.
indirect enum CanonicalForm {
  case text(String)
  case integer(Int)
  /// Finite.
  case number(Double)
  case list([CanonicalForm])
  /// Keys whose value is `nil` are left out.
  case object([String: CanonicalForm?])

  var json: String {
    switch self {
    case .text(let text): Self.quoted(text)
    case .integer(let value): String(value)
    case .number(let value):
      value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
    case .list(let items): "[" + items.map(\.json).joined(separator: ",") + "]"
    case .object(let entries):
      "{"
        + entries.compactMapValues { $0 }
        .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        .map { Self.quoted($0.key) + ":" + $0.value.json }
        .joined(separator: ",") + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case _ where scalar.value < 0x20:
        let code = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - code.count) + code
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

/// SHA-256 of a text.
package enum Digest {
  /// Lower-case hex, 64 digits.
  static func hex(of text: String) -> String { hex(of: Array(text.utf8)) }

  /// Lower-case hex, 64 digits.
  package static func hex(of bytes: some Sequence<UInt8>) -> String {
    SHA256.hash(data: Array(bytes)).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}

// MARK: - Models

extension ModelSpecification {
  /// The document in its one canonical spelling, JSON; the digest is made over this.
  package var canonicalText: String { canonicalForm.json }

  var canonicalForm: CanonicalForm {
    let backend: (String, CanonicalForm) =
      switch backend {
      case .engine(let engine): ("engine", engine.canonicalForm)
      case .upstream(let upstream): ("upstream", upstream.canonicalForm)
      }
    return .object([
      "apiVersion": .text(PolicyParser.apiVersion), "kind": .text("Model"),
      "name": .text(name.text), backend.0: backend.1,
    ])
  }
}

extension EngineSpecification {
  fileprivate var canonicalForm: CanonicalForm {
    .object([
      "weights": .text(weights), "sha256": sha256.map(CanonicalForm.text),
      "attention": attention.canonicalForm, "rope": rope.map(\.canonicalForm),
      "context": context.map(CanonicalForm.integer),
    ])
  }
}

extension AttentionSpecification {
  fileprivate var canonicalForm: CanonicalForm {
    switch self {
    case .dense: .object(["kind": .text("dense")])
    case .flash: .object(["kind": .text("flash")])
    case .slidingWindow(let window, let sinks):
      .object([
        "kind": .text("slidingWindow"), "window": .integer(window), "sinks": .integer(sinks),
      ])
    case .blockSparse(let selection, let blockSize, let keys, let denseLayers):
      .object([
        "kind": .text("blockSparse"), "selection": .text(selection.rawValue),
        "blockSize": .integer(blockSize), "keys": .integer(keys),
        "denseLayers": .integer(denseLayers),
      ])
    case .hybrid(
      let selection, let blockSize, let keys, let window, let sinks, let denseLayers):
      .object([
        "kind": .text("hybrid"), "selection": .text(selection.rawValue),
        "blockSize": .integer(blockSize), "keys": .integer(keys), "window": .integer(window),
        "sinks": .integer(sinks), "denseLayers": .integer(denseLayers),
      ])
    case .gated(let gate, let keys, let window, let sinks, let denseLayers):
      .object([
        "kind": .text("gated"), "gate": .text(gate), "keys": .integer(keys),
        "window": .integer(window), "sinks": .integer(sinks), "denseLayers": .integer(denseLayers),
      ])
    }
  }
}

extension RopeSpecification {
  fileprivate var canonicalForm: CanonicalForm {
    .object(["scaling": .text(scaling.rawValue), "factor": .number(factor)])
  }
}

extension UpstreamSpecification {
  fileprivate var canonicalForm: CanonicalForm {
    .object([
      "url": .text(url), "model": .text(model),
      "apiKeyEnv": apiKeyEnvironment.map(CanonicalForm.text),
      "timeouts": .object([
        "connectSeconds": .number(timeouts.connectSeconds),
        "firstTokenSeconds": .number(timeouts.firstTokenSeconds),
        "idleSeconds": .number(timeouts.idleSeconds),
        "totalSeconds": .number(timeouts.totalSeconds),
      ]),
      "price": price.map { price in
        .object([
          "inputPerMillion": .number(price.inputPerMillion),
          "outputPerMillion": .number(price.outputPerMillion),
          "currency": .text(price.currency),
        ])
      },
      "scoring": scoring.map { .object(["logprobs": .integer($0.logprobs)]) },
    ])
  }
}
