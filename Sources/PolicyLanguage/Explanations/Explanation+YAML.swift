// What YAML can do and a policy must not. Each of these makes a text mean something else than what
// a reviewer sees.
extension Explanation {
  static let alias = Explanation(
    "A value is written as an alias, `*name`, of one that stands elsewhere.",
    because: """
      A reviewer has to look elsewhere to know what the line says, and a change there changes it
      without a trace here. Nested aliases also make a few hundred bytes grow into gigabytes. Write
      the value out; quote a text that begins with an asterisk.
      """,
    .rollout("candidates: [*other]", mended: "candidates: [smollm2-flash]"))

  static let anchor = Explanation(
    "A value has an anchor, `&name`.",
    because: """
      Anchors exist for aliases, and those are refused: see `alias`. Quote a text that begins with
      an ampersand.
      """,
    .rollout("route: &route assistant", mended: "route: assistant"))

  static let blockText = Explanation(
    "A value begins with `|` or `>`, which begins a block of text in YAML.",
    because: """
      No value of a policy has several lines. Mostly it is a condition without quotes: without them
      `>= 2048` is the beginning of a text block, not a comparison.
      """,
    .rollout(
      """
      metrics:
        - name: long
          metric: latency
          role: guardrail
          where: { promptTokens: >= 2048 }
          maxIncrease: 10%
      """,
      mended: """
        metrics:
          - name: long
            metric: latency
            role: guardrail
            where: { promptTokens: ">= 2048" }
            maxIncrease: 10%
        """))

  static let complexKey = Explanation(
    "A key is a list or a mapping, or is written with `?`.",
    because: """
      Every key of the language is one word. What looks like another is a slip of brackets or of
      indentation.
      """,
    .rollout("? route\n: assistant", mended: "route: assistant"))

  static let directive = Explanation(
    "A line begins with `%`, a directive to the YAML parser.",
    because: """
      A directive changes how the rest of the file is read: another version of YAML, other tags. The
      file should say the same to everybody. Remove the line.
      """,
    .file(
      """
      %YAML 1.1
      ---
      apiVersion: rollout/v1
      kind: Model
      name: smollm2-dense
      engine: { weights: model.gguf, attention: { kind: dense } }
      """,
      mended: """
        apiVersion: rollout/v1
        kind: Model
        name: smollm2-dense
        engine: { weights: model.gguf, attention: { kind: dense } }
        """))

  static let forbiddenCharacter = Explanation(
    "The file has a character that cannot be seen.",
    because: """
      Control characters and unusual line ends make tools disagree about lines; marks that turn the
      direction of writing make a text look like another one (Boucher & Anderson 2021, "Trojan
      Source"). What a reviewer approves should be what the service reads. A byte order mark counts
      too.
      """,
    .rollout("route: assis\u{202E}tant", mended: "route: assistant"))

  static let mergeKey = Explanation(
    "A mapping takes keys over from another one with `<<`.",
    because: """
      What is merged in is not seen where it counts, and readers disagree about which value wins.
      Write the keys out.
      """,
    .rollout(
      "assignment: { <<: { unit: user }, salt: one }",
      mended: "assignment: { unit: user, salt: one }"))

  static let severalDocuments = Explanation(
    "The file has a second document behind `---` or `...`.",
    because: """
      One file, one document: then a name in a file list, a line in a diff and an entry in the
      journal each mean one thing. Write two files.
      """,
    .rollout("promotion: manual\n---\nkind: Model", mended: "promotion: manual"))

  static let syntax = Explanation(
    "The text is not YAML.",
    because: """
      The YAML parser lost its way and nothing behind that place could be read. The place is where
      it noticed: the cause, mostly a bracket that is not closed or a line that is indented by
      mistake, may stand some lines above.
      """,
    .rollout("assignment: { unit: user", mended: "assignment: { unit: user }"))

  static let tab = Explanation(
    "The line has a tab.",
    because: """
      YAML does not let tabs indent, and how wide one looks differs from screen to screen. Use
      spaces.
      """,
    .rollout("route:\tassistant", mended: "route: assistant"))

  static let tag = Explanation(
    "A value has a tag, `!name`.",
    because: """
      A tag makes a reader take a value for another type than it looks like. Values are taken as
      they are written. Quote a text that begins with an exclamation mark.
      """,
    .rollout("route: !!str assistant", mended: "route: assistant"))

  static let tooDeep = Explanation(
    "Brackets are nested more than 16 deep, or a line is indented by more than 64 columns.",
    because: """
      No policy needs a fraction of that. The bound keeps what somebody else wrote from costing the
      service time or memory.
      """,
    .rollout(
      "candidates: [[[[[[[[[[[[[[[[[smollm2-flash]]]]]]]]]]]]]]]]]",
      mended: "candidates: [smollm2-flash]"))

  static let tooManyValues = Explanation(
    "The file has more than 10000 keys and values.",
    because: """
      No policy needs a fraction of that. The bound keeps what somebody else wrote from costing the
      service time or memory. Write one file for each model and each rollout.
      """)

  static let unclosedQuote = Explanation(
    "A quote is not closed in its line.",
    because: """
      No value of a policy has several lines, so that a missing quote is found where it is missing,
      not at the end of the file.
      """,
    .rollout("route: \"assistant", mended: "route: \"assistant\""))

  static let unsupportedEscape = Explanation(
    "A text in quotes has an escape other than `\\\"` and `\\\\`.",
    because: """
      An escape hides which character is meant from whoever reviews the file. Write the character
      itself.
      """,
    .rollout(
      "assignment: { unit: user, salt: \"one\\u0041\" }",
      mended: "assignment: { unit: user, salt: \"oneA\" }"))
}
