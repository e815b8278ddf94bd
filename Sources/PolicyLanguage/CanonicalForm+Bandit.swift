import Experimentation

extension BanditTraffic {
  var canonicalForm: CanonicalForm {
    .object([
      "reward": .text(reward.description), "algorithm": .text(algorithm.rawValue),
      "minShare": .number(minShare.value), "updateSeconds": .number(updateSeconds),
      "halfLifeSeconds": halfLifeSeconds.map(CanonicalForm.number), "margin": .number(margin),
      "onTie": .text(onTie.rawValue),
    ])
  }
}
