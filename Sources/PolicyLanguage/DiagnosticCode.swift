/// What kind of mistake a diagnostic is about. The raw values are public interface: tools match
/// them.
package enum DiagnosticCode: String, Hashable, Sendable, Codable, CaseIterable {
  // Files.
  case fileTooLarge = "file-too-large"
  case tooManyFiles = "too-many-files"
  case unreadableFile = "unreadable-file"
  case emptyFolder = "empty-folder"
  case notUTF8 = "not-utf8"
  case emptyDocument = "empty-document"
  case tooManyMistakes = "too-many-mistakes"

  // What YAML can do and a policy must not.
  case alias
  case anchor
  case blockText = "block-text"
  case complexKey = "complex-key"
  case directive
  case forbiddenCharacter = "forbidden-character"
  case mergeKey = "merge-key"
  case severalDocuments = "several-documents"
  case syntax
  case tab
  case tag
  case tooDeep = "too-deep"
  case tooManyValues = "too-many-values"
  case unclosedQuote = "unclosed-quote"
  case unsupportedEscape = "unsupported-escape"

  // Keys and kinds of values.
  case duplicateKey = "duplicate-key"
  case misplacedKey = "misplaced-key"
  case missingKey = "missing-key"
  case missingValue = "missing-value"
  case oneOf = "one-of"
  case unknownKey = "unknown-key"
  case unknownValue = "unknown-value"
  case wrongKind = "wrong-kind"

  // Single values.
  case ambiguousNumber = "ambiguous-number"
  case ambiguousText = "ambiguous-text"
  case credentialsInURL = "credentials-in-url"
  case invalidCondition = "invalid-condition"
  case invalidDate = "invalid-date"
  case invalidDuration = "invalid-duration"
  case invalidEnvironmentName = "invalid-environment-name"
  case invalidHeader = "invalid-header"
  case invalidName = "invalid-name"
  case invalidPath = "invalid-path"
  case invalidPattern = "invalid-pattern"
  case invalidSHA256 = "invalid-sha256"
  case invalidURL = "invalid-url"
  case invalidWindow = "invalid-window"
  case missingUnit = "missing-unit"
  case nonFiniteNumber = "non-finite-number"
  case outOfRange = "out-of-range"
  case repeatedValue = "repeated-value"
  case secretInPolicy = "secret-in-policy"
  case unknownTimeZone = "unknown-time-zone"
  case wrongUnit = "wrong-unit"

  // What a rollout says as a whole.
  case ambiguousPromotion = "ambiguous-promotion"
  case incumbentIsCandidate = "incumbent-is-candidate"
  case judgeIsArm = "judge-is-arm"
  case invalidSlices = "invalid-slices"
  case missingMargin = "missing-margin"
  case misplacedStep = "misplaced-step"
  case missingWeight = "missing-weight"
  case repeatedCandidate = "repeated-candidate"
  case repeatedName = "repeated-name"
  case timesOutOfOrder = "times-out-of-order"
  case unmeasurableGate = "unmeasurable-gate"
  case unprovenPromotion = "unproven-promotion"
  case unreachableGate = "unreachable-gate"
  case weightsSum = "weights-sum"
  case wrongDirection = "wrong-direction"

  // What files say together.
  case duplicateName = "duplicate-name"
  case layerOverlap = "layer-overlap"
  case layerUnits = "layer-units"
  case routeTaken = "route-taken"
  case unknownModel = "unknown-model"

  // Warnings.
  case dropRollsBack = "drop-rolls-back"
  case longFreeze = "long-freeze"
  case mayNotScore = "may-not-score"
  case nothingToShow = "nothing-to-show"
  case selectionCoversContext = "selection-covers-context"
  case urlWithoutPath = "url-without-path"
  case weightDecreases = "weight-decreases"
  case windowCoversContext = "window-covers-context"
}
