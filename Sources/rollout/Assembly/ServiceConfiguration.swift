import Experimentation
import PolicyLanguage
import Storage
import Transformer

/// What a deployment decides about the service as a whole.
struct ServiceConfiguration: Sendable {
  /// Where a listener listens; port 0 lets the system choose.
  struct Address: Sendable {
    var host: String
    var port: Int
  }

  /// Journal and outcomes; made when missing.
  var dataFolder: String
  /// Where the journal's head is kept outside of it; `nil` means in the data folder.
  var anchor: String?
  /// How long raw outcomes stay.
  var retention = Retention()
  /// Where relative paths of weights are looked up.
  var modelFolder: String
  /// Policies to apply at the start, and again whenever their files change.
  var policies: String?
  /// Whose policies are taken.
  var trust = PolicyTrust()
  var dataPlane = Address(host: "127.0.0.1", port: 8080)
  var controlPlane = Address(host: "127.0.0.1", port: 8081)
  var engine = Engine.Configuration()
  /// Keys of which a client must show one; `nil` lets everybody in.
  var apiKeys: Set<String>?
  var feedbackWindow = FeedbackWindow.standard
  var keepsFeedbackText = false
  /// Origins of pages whose browsers may send feedback.
  var feedbackOrigins: Set<String> = []

  init(dataFolder: String, modelFolder: String) {
    self.dataFolder = dataFolder
    self.modelFolder = modelFolder
  }
}
