package import Transformer

extension EmbeddedBackend {
  /// What whoever measures the model runs it by, without asking it as a client does.
  package struct Parts: Sendable {
    package let variant: ModelVariant
    package let tokenizer: Tokenizer
    /// `nil` for a model that was not made to chat.
    package let template: ChatTemplate?
    /// SHA-256 of the weights' files: equal for variants of one model.
    package let digest: String
  }

  /// What the model is made of.
  package var parts: Parts {
    Parts(
      variant: variant, tokenizer: file.tokenizer, template: file.template, digest: file.digest)
  }
}
