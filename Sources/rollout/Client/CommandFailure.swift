import Console

/// Why a command ends without having done what it was asked, and how to mend it.
struct CommandFailure: Error {
  var status: ExitStatus
  var problem: ErrorResponse.Problem?
  var message: String
  var remedy: String?
  /// Whether the problem goes to standard output as JSON, for programs.
  var isJSON = false

  init(_ status: ExitStatus, _ message: String, remedy: String? = nil) {
    self.status = status
    self.message = message
    self.remedy = remedy
  }

  /// What the service said.
  init(_ problem: ErrorResponse.Problem) {
    self.init(ExitStatus(problem.code), problem.message, remedy: problem.remedy)
    self.problem = problem
  }

  func report() {
    if isJSON, let problem, let text = try? Output.json(ErrorResponse(error: problem)) {
      Output.write(text)
      return
    }
    Output.writeError(ProblemText(style: .standardError).text(of: self))
  }
}
