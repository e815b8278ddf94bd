import Experimentation

extension BanditTraffic {
  var canonicalForm: CanonicalForm {
    .object([
      "reward": .text(reward.description), "algorithm": .text(algorithm.rawValue),
      "minShare": .number(minShare.value), "updateSeconds": .number(updateSeconds),
      "halfLifeSeconds": halfLifeSeconds.map(CanonicalForm.number), "margin": .number(margin),
      "onTie": .text(onTie.rawValue), "context": context.map(\.canonicalForm),
    ])
  }
}

extension BanditContext {
  fileprivate var canonicalForm: CanonicalForm {
    .object([
      "promptTokens": usesPromptLength ? .text("bands") : nil,
      "labels": labels.isEmpty
        ? nil
        : .list(
          labels.map { label in
            .object([
              "key": .text(label.key), "values": .list(label.values.map(CanonicalForm.text)),
            ])
          }),
    ])
  }
}
