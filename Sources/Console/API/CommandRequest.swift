package import Experimentation

/// Body of `POST /api/v1/rollouts/{name}/promote`, `abort`, `rollback`, `approve`, `pause` and
/// `resume`.
package struct CommandRequest: Hashable, Sendable, Codable {
  /// Who asks: 1…``Signature/maximumActorBytes`` bytes; the journal keeps it.
  package var actor: String
  /// Why, up to ``Signature/maximumReasonBytes`` bytes; the journal keeps it.
  package var reason: String?
  /// Promote although required gates are open. Needs a reason. For `promote` only.
  package var force: Bool
  /// Which candidate; `nil` for the only one. For `promote` only.
  package var model: ModelName?
  /// ``RolloutResponse/generation`` as the asker saw it; another one is refused as a conflict. Not
  /// for `abort` and `rollback`, which beat whatever came in between.
  package var generation: Int64?

  package init(
    actor: String, reason: String? = nil, force: Bool = false, model: ModelName? = nil,
    generation: Int64? = nil
  ) {
    self.actor = actor
    self.reason = reason
    self.force = force
    self.model = model
    self.generation = generation
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case actor, reason, force, model, generation
  }

  package init(from decoder: any Decoder) throws {
    let fields = try KeyedDecodingContainer<CodingKeys>.strict(from: decoder)
    actor = try fields.decode(String.self, forKey: .actor)
    reason = try fields.decodeIfPresent(String.self, forKey: .reason)
    force = try fields.decodeIfPresent(Bool.self, forKey: .force) ?? false
    model = try fields.decodeIfPresent(ModelName.self, forKey: .model)
    generation = try fields.decodeIfPresent(Int64.self, forKey: .generation)
  }
}

/// What a rollout may be told, as the last part of the path.
package enum RolloutAction: String, Hashable, Sendable, CaseIterable {
  case promote, abort, rollback, approve, pause, resume
}

/// Answer to a command that was carried out.
package struct CommandResponse: Hashable, Sendable, Codable {
  /// What was written down.
  package var entries: [HistoryResponse.Entry]
  /// The rollout as it stands afterwards.
  package var rollout: RolloutResponse

  package init(entries: [HistoryResponse.Entry], rollout: RolloutResponse) {
    self.entries = entries
    self.rollout = rollout
  }
}
