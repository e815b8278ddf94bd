import Experimentation
import Quality
import Testing

/// What an answer must be like, rule by rule.
@Suite struct CheckTests {
  private func passes(_ text: String, _ rule: AnswerRule) -> Bool? {
    CheckedAnswer(text: text).passes(rule)
  }

  // MARK: JSON

  private static let order: AnswerSchema = {
    var id = AnswerSchema()
    id.kinds = [.integer]
    id.minimum = 1
    var state = AnswerSchema()
    state.literals = [.string("open"), .string("paid"), .null]
    var tags = AnswerSchema()
    tags.kinds = [.array]
    tags.maxItems = 2
    var tag = AnswerSchema()
    tag.kinds = [.string]
    tag.minLength = 2
    tags.items = [tag]
    var order = AnswerSchema()
    order.kinds = [.object]
    order.required = ["id"]
    order.allowsOtherKeys = false
    order.properties = ["id": id, "state": state, "tags": tags]
    return order
  }()

  @Test(arguments: [
    (#"{"id": 7}"#, true), (#" {"id":7.0,"state":"paid","tags":["ab","äö"]} "#, true),
    (#"{"id": 7, "state": null}"#, true), (#"{"id": 0}"#, false), (#"{"id": 7.5}"#, false),
    (#"{"id": "7"}"#, false), (#"{"state":"open"}"#, false), (#"{"id":1,"state":"x"}"#, false),
    (#"{"id":1,"tags":["a"]}"#, false), (#"{"id":1,"tags":["aa","bb","cc"]}"#, false),
    (#"{"id":1,"other":2}"#, false), (#"{"id":1,"id":2}"#, false), (#"[1]"#, false),
    (#"Sure: {"id": 7}"#, false), ("```json\n{\"id\": 7}\n```", false), (#"{"id": 7"#, false),
    ("", false),
  ])
  func `JSON is held against its schema, all of it`(text: String, isSound: Bool) {
    #expect(passes(text, .json(Self.order)) == isSound)
    if isSound { #expect(passes(text, .json(AnswerSchema())) == true) }
  }

  @Test func `keys and texts are the same when their code points are`() {
    let (one, two) = ("caf\u{E9}", "cafe\u{301}")
    var word = AnswerSchema()
    word.literals = [.string(one)]
    var schema = AnswerSchema()
    schema.required = [one]
    schema.properties = [one: word]
    schema.allowsOtherKeys = false
    #expect(passes("{\"\(one)\": \"\(one)\"}", .json(schema)) == true)
    #expect(passes("{\"\(two)\": \"\(one)\"}", .json(schema)) == false)
    #expect(passes("{\"\(one)\": \"\(two)\"}", .json(schema)) == false)
    schema.required = []
    #expect(passes("{\"\(two)\": \"\(one)\"}", .json(schema)) == false)
    schema.allowsOtherKeys = true
    // A key that the schema does not name may have any value.
    #expect(passes("{\"\(two)\": 1}", .json(schema)) == true)
  }

  // MARK: Letters

  @Test func `letters are looked for as they are`() {
    #expect(passes("See [1] for more.", .contains("[1]")) == true)
    #expect(passes("See [2] for more.", .contains("[1]")) == false)
    #expect(passes("straße", .contains("STRASSE")) == false)
    #expect(passes("as an AI", .lacks("AI")) == false)
    #expect(passes("as a person", .lacks("AI")) == true)
  }

  @Test func `a pattern is looked for anywhere`() throws {
    let cites = try AnswerRule.matches(TextPattern(#"\[\d+\]"#))
    #expect(passes("As shown in [12].", cites) == true)
    #expect(passes("As shown in [x].", cites) == false)
  }

  // MARK: Refusals

  @Test(arguments: [
    "I'm sorry, but I can't help with that.", "I cannot assist with this request.",
    "As an AI language model, I do not have opinions.", "I\u{2019}m unable to do that.",
    "Unfortunately,\nI am not able to open files.",
  ])
  func `a refusal is seen at the beginning`(text: String) {
    #expect(passes(text, .noRefusal) == false)
  }

  @Test func `an answer is no refusal, whatever it says later`() {
    #expect(passes("Paris is the capital of France.", .noRefusal) == true)
    let long = Array(repeating: "Water boils at 100 °C.", count: 20).joined(separator: " ")
    #expect(passes(long + " I cannot say more.", .noRefusal) == true)
    var declined = CheckedAnswer(text: "")
    declined.hasDeclined = true
    #expect(declined.passes(.noRefusal) == false)
  }

  // MARK: Languages

  private static let sentences: [(AnswerLanguage, String)] = [
    (.english, "The engine reads the weights once, and then it answers all of the questions."),
    (
      .german,
      "Die Maschine liest die Gewichte einmal und beantwortet dann alle Fragen, die sie hat."
    ),
    (.french, "Le moteur lit les poids une fois, et il répond ensuite à toutes les questions."),
    (.spanish, "El motor lee los pesos una vez y después responde a todas las preguntas que hay."),
    (.italian, "Il motore legge i pesi una volta e poi risponde a tutte le domande che ci sono."),
    (
      .portuguese,
      "O motor lê os pesos uma vez e depois não deixa de responder a todas as perguntas."
    ),
    (.dutch, "De machine leest de gewichten een keer en beantwoordt dan alle vragen die er zijn."),
    (.polish, "Silnik czyta wagi raz, a potem odpowiada na wszystkie pytania, które się pojawią."),
    (.russian, "Двигатель читает веса один раз, а затем отвечает на все вопросы."),
    (.greek, "Η μηχανή διαβάζει τα βάρη μία φορά και μετά απαντά σε όλες τις ερωτήσεις."),
    (.chinese, "引擎一次读取所有权重，然后回答全部问题。"),
    (.japanese, "エンジンは重みを一度だけ読み、すべての質問に答えます。"),
    (.korean, "엔진은 가중치를 한 번 읽고 나서 모든 질문에 대답합니다. 빠르게 끝납니다."),
    (.arabic, "يقرأ المحرك الأوزان مرة واحدة ثم يجيب على جميع الأسئلة"),
    (.hebrew, "המנוע קורא את המשקלים פעם אחת ואז עונה על כל השאלות"),
    (.hindi, "इंजन एक बार भार पढ़ता है और फिर सभी सवालों के जवाब देता है"),
  ]

  @Test func `a sentence is in its language and in no other`() {
    #expect(Set(Self.sentences.map(\.0)) == Set(AnswerLanguage.allCases))
    for (language, text) in Self.sentences {
      for other in AnswerLanguage.allCases {
        #expect(passes(text, .language(other)) == (other == language), "\(language) \(other)")
      }
    }
  }

  @Test(arguments: ["", "42", "Paris.", "let x = foo(bar, baz); return x * qux", "Anna Bob Carl"])
  func `what is too short or no text is in no language`(text: String) {
    #expect(passes(text, .language(.english)) == nil)
  }

  // MARK: Calls

  @Test func `a call is sound with one function and an object`() {
    var answer = CheckedAnswer(text: "")
    answer.calls = [.init(name: "find", arguments: #"{"id": 7}"#)]
    #expect(answer.passes(.calls("find")) == true)
    #expect(answer.passes(.calls("delete")) == false)
    #expect(answer.passes(.contains("x")) == nil, "there is no text to look at")
    answer.calls[0].arguments = "{id: 7}"
    #expect(answer.passes(.calls("find")) == false)
    answer.calls = [.init(name: "find", arguments: "{}"), .init(name: "find", arguments: "{}")]
    #expect(answer.passes(.calls("find")) == false)
    #expect(passes("I would call find.", .calls("find")) == false)
  }

  // MARK: Scores

  @Test func `each check has a score under its name, and one that says nothing has none`() {
    let checks = [
      AnswerCheck(name: "parses", rule: .json(AnswerSchema())),
      AnswerCheck(name: "english", rule: .language(.english)),
      AnswerCheck(name: "short", rule: .lacks("long")),
    ]
    let scores = CheckedAnswer(text: "[1]").scores(checks)
    #expect(scores.sorted.map(\.id.text) == ["parses", "short"])
    #expect(scores[ScoreID(check: "parses")] == 1 && scores[ScoreID(check: "short")] == 1)
  }

  @Test func `an answer that is too long is not checked`() {
    let check = AnswerCheck(name: "c", rule: .lacks("x"))
    let most = String(repeating: "a", count: CheckedAnswer.maximumBytes)
    #expect(CheckedAnswer(text: most).scores([check])[ScoreID(check: "c")] == 1)
    #expect(CheckedAnswer(text: most + "a").scores([check]).isEmpty)
  }
}
