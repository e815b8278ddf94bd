/// How one family of models writes conversations, as data.
struct ChatFamily: Sendable {
  /// What stands before and after what somebody says.
  struct Frame: Sendable {
    var before: String
    var after: String
    /// What follows the end-of-text token, which comes after all that; `nil` where it does not.
    var afterEnd: String?
  }

  /// A string that a template spells, whole or within a longer one.
  struct Mark: Sendable, ExpressibleByStringLiteral {
    let text: String
    var isWhole = false

    init(stringLiteral text: String) { self.text = text }

    static func whole(_ text: String) -> Mark {
      var mark = Mark(stringLiteral: text)
      mark.isWhole = true
      return mark
    }
  }

  /// What becomes of a system message, which only may come first.
  enum System: Sendable {
    /// The template refuses it.
    case refused
    /// A turn of its own.
    case turn(Frame)
    /// A turn of its own, also where there is none to write: with `text`, or with what the template
    /// itself spells between `before` and `after`.
    case always(Frame, text: String?)
    /// Goes before what the user says, in the same turn: the first, or the last one.
    case inside(Frame, last: Bool)
  }

  /// What people call the family.
  let name: String
  /// What its templates spell in strings, all of it.
  let marks: [Mark]
  /// What none of its templates spells.
  var foreign: [Mark] = []
  let system: System
  let user: Frame
  let assistant: Frame
  /// `nil` where the template refuses it.
  var tool: Frame?
  var generationPrompt = ""
  /// Whose text is trimmed.
  var trims: Set<ChatTurn.Role> = []
  /// Whether a system message inside of the user's turn is trimmed together with what the user
  /// says, so that blanks between them stay.
  var trimsTogether = false
  /// Whether user and assistant must take turns, the user first.
  var alternates = false
  /// Whether each turn of the user's begins with the begin-of-text token.
  var beginsTurns = false
  /// What a message must not spell where it is no control token of the vocabulary: who writes it
  /// could else begin or end a turn.
  let fences: [String]

  /// Whether a template is one of this family's.
  func isSpelled(in parts: [TemplatePart]) -> Bool {
    let strings = Self.strings(of: parts)
    func occurs(_ mark: Mark) -> Bool {
      strings.contains { mark.isWhole ? $0 == mark.text : $0.contains(mark.text) }
    }
    return marks.allSatisfy(occurs) && !foreign.contains(where: occurs)
  }

  /// All that a template can write by itself.
  static func strings(of parts: [TemplatePart]) -> [String] {
    parts.flatMap { part -> [String] in
      switch part {
      case .text(let text): [text]
      case .output(let words), .statement(let words):
        words.compactMap { if case .string(let string) = $0 { string } else { nil } }
      }
    }
  }

  /// The more particular first.
  static let known = [
    qwen, llama31, llama3, llama2, mistralTools, mistralSystem, mistral, gemma3, gemma, phi3,
    zephyr,
  ]

  // MARK: Between control tokens

  private static func imTurn(_ role: String) -> Frame {
    Frame(before: "<|im_start|>\(role)\n", after: "<|im_end|>\n")
  }

  private static let qwen = ChatFamily(
    name: "Qwen 2.5", marks: ["<|im_start|>system\n", "<|im_end|>\n", "<tool_response>"],
    foreign: ["<think>"], system: .always(imTurn("system"), text: nil), user: imTurn("user"),
    assistant: imTurn("assistant"),
    tool: Frame(
      before: "<|im_start|>user\n<tool_response>\n", after: "\n</tool_response><|im_end|>\n"),
    generationPrompt: "<|im_start|>assistant\n", fences: ["<|im_start|>", "<|im_end|>"])

  private static func header(_ role: String, _ more: String = "") -> Frame {
    Frame(
      before: "<|start_header_id|>\(role)<|end_header_id|>\n\n\(more)", after: "<|eot_id|>")
  }

  private static let headerMarks: [Mark] = [
    "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
  ]
  private static let headerFences = ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]

  private static let llama3 = ChatFamily(
    name: "Llama 3", marks: headerMarks, system: .turn(header("system")), user: header("user"),
    assistant: header("assistant"), tool: header("tool"),
    generationPrompt: header("assistant").before, trims: Set(ChatTurn.Role.allCases),
    fences: headerFences)

  /// With the day that the templates fall back to where they are told none: a prompt that changes
  /// with the day could not be compared.
  private static let llama31 = ChatFamily(
    name: "Llama 3.1", marks: headerMarks + ["Cutting Knowledge Date: December 2023\n"],
    system: .always(
      header(
        "system", "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"), text: ""),
    user: header("user"), assistant: header("assistant"), tool: nil,
    generationPrompt: header("assistant").before, trims: Set(ChatTurn.Role.allCases),
    fences: headerFences)

  private static func gemmaTurn(_ role: String) -> Frame {
    Frame(before: "<start_of_turn>\(role)\n", after: "<end_of_turn>\n")
  }

  private static func gemma(
    _ name: String, _ more: [Mark], foreign: [Mark], _ system: System
  ) -> ChatFamily {
    ChatFamily(
      name: name, marks: ["<start_of_turn>", "<end_of_turn>\n", "model"] + more, foreign: foreign,
      system: system, user: gemmaTurn("user"), assistant: gemmaTurn("model"),
      generationPrompt: gemmaTurn("model").before, trims: [.user, .assistant], alternates: true,
      fences: ["<start_of_turn>", "<end_of_turn>"])
  }

  private static let gemma3 = gemma(
    "Gemma 3", [], foreign: ["System role not supported"],
    .inside(Frame(before: "", after: "\n\n"), last: false))
  private static let gemma = gemma("Gemma", ["System role not supported"], foreign: [], .refused)

  private static func barTurn(_ role: String) -> Frame {
    Frame(before: "<|\(role)|>\n", after: "<|end|>\n")
  }

  private static let barFences = ["<|system|>", "<|user|>", "<|assistant|>"]

  private static let phi3 = ChatFamily(
    name: "Phi-3", marks: ["<|user|>", "<|end|>", "<|assistant|>"],
    system: .turn(barTurn("system")), user: barTurn("user"), assistant: barTurn("assistant"),
    generationPrompt: "<|assistant|>\n", fences: barFences + ["<|end|>"])

  // MARK: Between words

  private static let zephyr = ChatFamily(
    name: "Zephyr", marks: ["<|user|>\n", "<|system|>\n", "<|assistant|>"], foreign: ["<|end|>"],
    system: .turn(zephyrTurn("system")), user: zephyrTurn("user"),
    assistant: zephyrTurn("assistant"), generationPrompt: "<|assistant|>\n", fences: barFences)

  /// The end of text, then the end of the template's line.
  private static func zephyrTurn(_ role: String) -> Frame {
    Frame(before: "<|\(role)|>\n", after: "", afterEnd: "\n")
  }

  private static let instructionFences = ["[INST]", "[/INST]"]

  private static let llama2 = ChatFamily(
    name: "Llama 2", marks: ["[INST] ", " [/INST]", "<<SYS>>\n", "\n<</SYS>>\n\n"],
    system: .inside(Frame(before: "<<SYS>>\n", after: "\n<</SYS>>\n\n"), last: false),
    user: Frame(before: "[INST] ", after: " [/INST]"),
    assistant: Frame(before: " ", after: " ", afterEnd: ""), trims: [.user, .assistant],
    trimsTogether: true, alternates: true, beginsTurns: true,
    fences: instructionFences + ["<<SYS>>", "<</SYS>>"])

  /// Version 0.2 as it was first given out.
  private static let mistral = ChatFamily(
    name: "Mistral", marks: ["[INST] ", " [/INST]"],
    // The first version writes a blank behind the end of text.
    foreign: [" [INST] ", "[AVAILABLE_TOOLS]", .whole(" ")],
    system: .refused, user: Frame(before: "[INST] ", after: " [/INST]"),
    assistant: Frame(before: "", after: "", afterEnd: ""), alternates: true,
    fences: instructionFences)

  /// Versions 0.1 and 0.2 as they have been since system messages were taken.
  private static let mistralSystem = ChatFamily(
    name: "Mistral with system messages", marks: [" [INST] ", " [/INST]", "\n\n"],
    system: .inside(Frame(before: "", after: "\n\n"), last: false),
    user: Frame(before: " [INST] ", after: " [/INST]"),
    assistant: Frame(before: " ", after: "", afterEnd: ""), alternates: true,
    fences: instructionFences)

  /// Version 0.3.
  private static let mistralTools = ChatFamily(
    name: "Mistral 0.3", marks: ["[INST] ", "[/INST]", "[AVAILABLE_TOOLS]"],
    foreign: [" [/INST]", "[SYSTEM_PROMPT]"],
    system: .inside(Frame(before: "", after: "\n\n"), last: true),
    user: Frame(before: "[INST] ", after: "[/INST]"),
    assistant: Frame(before: " ", after: "", afterEnd: ""), trims: [.assistant], alternates: true,
    fences: instructionFences + ["[AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[TOOL_RESULTS]"])
}
