package import Experimentation
package import PolicyLanguage

/// Body of every answer that is not a success: `{"error": {…}}`.
package struct ErrorResponse: Hashable, Sendable, Codable {
  package var error: Problem

  /// What went wrong, for programs and for people.
  package struct Problem: Hashable, Sendable, Codable {
    package var code: Code
    /// What and why, in a sentence.
    package var message: String
    /// How to mend it: a command or a patch, when there is one.
    package var remedy: String?
    /// For `gatesOpen`: the required gates that have not passed.
    package var openGates: [GateReport]
    /// For `policyRefused`: every mistake in the files.
    package var diagnostics: [Diagnostic]

    package init(
      _ code: Code, _ message: String, remedy: String? = nil, openGates: [GateReport] = [],
      diagnostics: [Diagnostic] = []
    ) {
      self.code = code
      self.message = message
      self.remedy = remedy
      self.openGates = openGates
      self.diagnostics = diagnostics
    }
  }

  /// Sorted by what the asker can do next. The raw values are public interface.
  package enum Code: String, Hashable, Sendable, Codable {
    /// 400: not HTTP or JSON that can be read.
    case malformed
    /// 403: a page of another site, or a host name that is not ours.
    case forbidden
    /// 404: no such rollout, model or path.
    case notFound
    /// 409: the rollout's state does not allow it.
    case notAllowed
    /// 409: required gates have not passed.
    case gatesOpen
    /// 409: the models changed while the evidence was gathered.
    case evidenceStale
    /// 409: the policy names an incumbent that is no longer live.
    case staleIncumbent
    /// 409: the policies were signed before others that were applied since.
    case staleRevision
    /// 403: the policies are not signed by somebody whom the service trusts.
    case notTrusted
    /// 403: the policies are signed for another service.
    case wrongAudience
    /// 409: another rollout is live on the route.
    case rolloutUnderWay
    /// 409: the policy's windows are closed, or it is frozen.
    case closed
    /// 409: somebody else's command came first.
    case conflict
    /// 408: the body took too long.
    case timeout
    /// 413: the body is too large.
    case tooLarge
    /// 415: the body is not declared as JSON.
    case unsupportedMediaType
    /// 422: a field is missing or out of range.
    case invalid
    /// 422: the idempotency key came with another command before.
    case keyReused
    /// 422: the policy files have mistakes.
    case policyRefused
    /// 500: a defect of ours.
    case internalError
    /// 503: the journal cannot be written.
    case unavailable
  }

  package init(error: Problem) { self.error = error }
}
