package import Experimentation

/// What a person or a pipeline may ask of the controller.
package enum Command: Hashable, Sendable {
  /// Makes the documents of a policy folder so. Idempotent by digest: what is in force already
  /// changes nothing.
  ///
  /// Only the last run under a rollout's name is compared with. One that has ended and whose policy
  /// has another digest now is begun again at its first step, whoever applies: a person, or a
  /// service that applies its folder at the start. Who keeps one file for what comes next gets
  /// that; who means to keep what ended leaves the file as it was.
  ///
  /// A set that was signed as an older one than the newest known is refused, whatever it says.
  case apply(models: [ModelSpecification], rollouts: [RolloutPolicy], origin: PolicyOrigin? = nil)
  /// Makes `model` the incumbent; `nil` means the only candidate. Refused while steps are left or
  /// required gates are open, and before the first look since the service started, unless `force`
  /// (which needs a reason; the journal keeps it with all that was open). Of several candidates one
  /// that is through with the last step need not wait for the others. Refused in any case while the
  /// model is not ready, and for one that has left; without force also when a model's weights
  /// changed during the run.
  case promote(RolloutName, model: ModelName?, force: Bool)
  /// Stops a live rollout; the incumbent gets everything back at once. A revision of it that waits
  /// in the queue goes with it: a person who stops a rollout does not ask for the next one.
  case abort(RolloutName)
  /// Takes the traffic back from a live rollout, or a promoted one's route back to the model
  /// before; this one refused while that model is not ready.
  case rollBack(RolloutName)
  /// Lets a rollout pass the approval step at which it stands.
  case approve(RolloutName)
  /// Keeps the traffic and stops moving.
  case pause(RolloutName)
  /// Moves again after a pause or an inconclusive step, whose time starts anew.
  case resume(RolloutName)
}

/// Why a command was not carried out, sorted by what the asker can do next.
package struct CommandRefusal: Error, Hashable, Sendable {
  /// What the asker can do next.
  package enum Code: String, Hashable, Sendable, Codable {
    /// No rollout, model or route of that name.
    case notFound
    /// The rollout's state does not allow it.
    case notAllowed
    /// Required gates have not passed; `openGates` says which and what is missing.
    case gatesOpen
    /// The models changed while the evidence was gathered.
    case evidenceStale
    /// The policy names an incumbent that is no longer live; `remedy` is the patch.
    case staleIncumbent
    /// The policies were signed before others that were applied since.
    case staleRevision
    /// Another rollout is live on the route, or on units of the same layer.
    case rolloutUnderWay
    /// A force without a reason, a model that is no candidate, weights that cannot be loaded.
    case invalid
    /// The policy's windows are closed, or it is frozen; the message says until when.
    case closed
    /// Somebody else's command came first; look again.
    case conflict
    /// The journal could not be written. Traffic is as it was, or back with the incumbent.
    case unavailable
  }

  package var code: Code
  /// What was refused and why, in a sentence.
  package var message: String
  /// How to mend it: a command or a patch, when there is one.
  package var remedy: String?
  /// For `gatesOpen`: the reports of the required gates that have not passed.
  package var openGates: [GateReport]

  package init(
    _ code: Code, _ message: String, remedy: String? = nil, openGates: [GateReport] = []
  ) {
    self.code = code
    self.message = message
    self.remedy = remedy
    self.openGates = openGates
  }
}
