/// The page of each code: the compiler asks for one.
extension DiagnosticCode {
  /// What it means and why the rule exists.
  package var explanation: Explanation {
    switch self {
    case .fileTooLarge: .fileTooLarge
    case .tooManyFiles: .tooManyFiles
    case .unreadableFile: .unreadableFile
    case .emptyFolder: .emptyFolder
    case .notUTF8: .notUTF8
    case .emptyDocument: .emptyDocument
    case .tooManyMistakes: .tooManyMistakes
    case .alias: .alias
    case .anchor: .anchor
    case .blockText: .blockText
    case .complexKey: .complexKey
    case .directive: .directive
    case .forbiddenCharacter: .forbiddenCharacter
    case .mergeKey: .mergeKey
    case .severalDocuments: .severalDocuments
    case .syntax: .syntax
    case .tab: .tab
    case .tag: .tag
    case .tooDeep: .tooDeep
    case .tooManyValues: .tooManyValues
    case .unclosedQuote: .unclosedQuote
    case .unsupportedEscape: .unsupportedEscape
    case .duplicateKey: .duplicateKey
    case .misplacedKey: .misplacedKey
    case .missingKey: .missingKey
    case .missingValue: .missingValue
    case .oneOf: .oneOf
    case .unknownKey: .unknownKey
    case .unknownValue: .unknownValue
    case .wrongKind: .wrongKind
    case .ambiguousNumber: .ambiguousNumber
    case .ambiguousText: .ambiguousText
    case .credentialsInURL: .credentialsInURL
    case .invalidCondition: .invalidCondition
    case .invalidDate: .invalidDate
    case .invalidDuration: .invalidDuration
    case .invalidEnvironmentName: .invalidEnvironmentName
    case .invalidHeader: .invalidHeader
    case .invalidName: .invalidName
    case .invalidPath: .invalidPath
    case .invalidPattern: .invalidPattern
    case .invalidSHA256: .invalidSHA256
    case .invalidURL: .invalidURL
    case .invalidWindow: .invalidWindow
    case .missingUnit: .missingUnit
    case .nonFiniteNumber: .nonFiniteNumber
    case .outOfRange: .outOfRange
    case .repeatedValue: .repeatedValue
    case .secretInPolicy: .secretInPolicy
    case .unknownTimeZone: .unknownTimeZone
    case .wrongUnit: .wrongUnit
    case .ambiguousPromotion: .ambiguousPromotion
    case .incumbentIsCandidate: .incumbentIsCandidate
    case .judgeIsArm: .judgeIsArm
    case .invalidSlices: .invalidSlices
    case .missingMargin: .missingMargin
    case .misplacedStep: .misplacedStep
    case .missingWeight: .missingWeight
    case .repeatedCandidate: .repeatedCandidate
    case .repeatedName: .repeatedName
    case .timesOutOfOrder: .timesOutOfOrder
    case .unmeasurableGate: .unmeasurableGate
    case .unprovenPromotion: .unprovenPromotion
    case .unreachableGate: .unreachableGate
    case .weightsSum: .weightsSum
    case .wrongDirection: .wrongDirection
    case .duplicateName: .duplicateName
    case .layerOverlap: .layerOverlap
    case .layerUnits: .layerUnits
    case .routeTaken: .routeTaken
    case .unknownModel: .unknownModel
    case .dropRollsBack: .dropRollsBack
    case .longFreeze: .longFreeze
    case .mayNotScore: .mayNotScore
    case .nothingToShow: .nothingToShow
    case .selectionCoversContext: .selectionCoversContext
    case .urlWithoutPath: .urlWithoutPath
    case .weightDecreases: .weightDecreases
    case .windowCoversContext: .windowCoversContext
    }
  }

  /// Whether a file with such a mistake is refused.
  package var severity: Diagnostic.Severity {
    switch self {
    case .dropRollsBack, .longFreeze, .mayNotScore, .nothingToShow, .selectionCoversContext,
      .urlWithoutPath, .weightDecreases, .windowCoversContext:
      .warning
    default: .error
    }
  }

  /// The code that `text` was probably meant to be.
  package static func nearest(to text: String) -> DiagnosticCode? {
    NearestName.suggestion(for: text, among: allCases.map(\.rawValue))
      .flatMap(DiagnosticCode.init)
  }
}
