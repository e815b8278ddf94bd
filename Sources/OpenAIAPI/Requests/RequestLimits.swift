/// How much one request may ask for. Whatever is beyond is refused before anything is spent on it.
package struct RequestLimits: Hashable, Sendable {
  /// Of the body. Default 1 MiB.
  package var maximumBodyBytes = 1 << 20
  /// Of nested arrays and objects in the body. Default 64.
  package var maximumDepth = 64
  /// Of `model`, in bytes. Default 256.
  package var maximumModelNameBytes = 256
  /// Of `messages`. Default 2,048.
  package var maximumMessages = 2_048
  /// Of the content parts of one message. Default 2,048.
  package var maximumParts = 2_048
  /// Of `n`, and of `best_of`. Default 128.
  package var maximumChoices = 128
  /// Of `max_tokens` and `max_completion_tokens`. Default 1,048,576.
  package var maximumTokens = 1 << 20
  /// Of `stop`. Default 4, the API's own.
  package var maximumStops = 4
  /// Of one stop sequence, in bytes. Default 1,024.
  package var maximumStopBytes = 1_024
  /// Of `logit_bias`. Default 1,024.
  package var maximumBiases = 1_024
  /// Of `tools`, and of the tool calls of one message. Default 128, the API's own.
  package var maximumTools = 128
  /// Of the prompts of a completion request. Default 128.
  package var maximumPrompts = 128
  /// Of the tokens of all prompts of a completion request together. Default 1,048,576.
  package var maximumPromptTokens = 1 << 20
  /// Of names and identifiers in a request: `user`, `name`, `tool_call_id`… Default 512.
  package var maximumNameBytes = 512

  /// The defaults.
  package init() {}

  /// The defaults.
  package static let standard = RequestLimits()

  var json: JSONLimits { JSONLimits(maximumBytes: maximumBodyBytes, maximumDepth: maximumDepth) }
}
