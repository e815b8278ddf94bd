import Experimentation

/// Which language most of a text is in: by its script, and where that is Latin by the little words
/// that every sentence has.
///
/// Function words tell European languages apart from some sentences on (Grefenstette 1995). A text
/// with few of them, code or a list of names for one, is in none. Languages that are not known here
/// are taken for a neighbour of the same script: Ukrainian for Russian, Danish mostly for none.
enum LanguageGuess {
  /// Scalars at the beginning that are looked at.
  private static let reach = 4_096
  /// Letters that a text must have, or characters of a script without spaces.
  private static let leastLetters = 24
  private static let leastIdeographs = 8
  /// Little words that must be there.
  private static let leastHits = 3

  /// `nil` when it cannot be told.
  static func language(of text: String) -> AnswerLanguage? {
    let text = String(String.UnicodeScalarView(text.unicodeScalars.prefix(reach)))
    let scripts = text.unicodeScalars.reduce(into: [Script: Int]()) { counts, scalar in
      if let script = Script(scalar) { counts[script, default: 0] += 1 }
    }
    // A text in an ideographic script has few letters, and each says a lot.
    let (kana, ideographs) = (scripts[.kana] ?? 0, scripts[.han] ?? 0)
    if kana + ideographs >= leastIdeographs, kana + ideographs >= (scripts[.latin] ?? 0) {
      return kana * 10 > kana + ideographs ? .japanese : .chinese
    }
    guard let most = scripts.max(by: { ($0.value, $0.key) < ($1.value, $1.key) }),
      most.value >= leastLetters, most.value * 2 > scripts.values.reduce(0, +)
    else { return nil }
    switch most.key {
    case .latin: return latin(text)
    case .cyrillic: return .russian
    case .greek: return .greek
    case .hebrew: return .hebrew
    case .arabic: return .arabic
    case .devanagari: return .hindi
    case .hangul: return .korean
    case .han: return .chinese
    case .kana: return .japanese
    }
  }

  private static func latin(_ text: String) -> AnswerLanguage? {
    var hits: [AnswerLanguage: Int] = [:]
    for word in AnswerWords.runs(of: text) {
      for (language, words) in littleWords where words.contains(String(word)) {
        hits[language, default: 0] += 1
      }
    }
    let ranked = hits.sorted { ($0.value, $1.key.rawValue) > ($1.value, $0.key.rawValue) }
    guard let best = ranked.first, best.value >= leastHits else { return nil }
    // Neighbours share little words: a tie tells nothing.
    if ranked.count > 1, ranked[1].value * 5 > best.value * 4 { return nil }
    return best.key
  }

  private static func words(_ text: String) -> Set<String> {
    Set(text.split(separator: " ").map(String.init))
  }

  private static let littleWords: [(AnswerLanguage, Set<String>)] = [
    (
      .english,
      words(
        "the and of to is in that it was for on are with as be this have from or by not but what "
          + "all were when we there can an your which their if will each about how them then she "
          + "many some these would into has its also than you they he his her")
    ),
    (
      .german,
      words(
        "der die das und ist nicht ein eine einer einen den dem des zu mit von auf für im sich es "
          + "ich sie wir er auch als an werden aus bei nach wird kann wie so oder aber wenn noch "
          + "nur über um durch dass sind haben hat war zum zur vor sein ihre")
    ),
    (
      .french,
      words(
        "le la les de des du et est un une que qui dans en pour pas sur il elle ne se ce au aux "
          + "plus par je vous nous avec sont ou mais être cette ces son sa ses leur comme tout "
          + "faire a été peut aussi d l qu")
    ),
    (
      .spanish,
      words(
        "el la los las de del y es un una que en por para con no se su lo al como más pero sus le "
          + "ya o este sí porque esta entre cuando muy sin sobre también me hasta hay donde quien "
          + "desde todo nos ser son está puede")
    ),
    (
      .italian,
      words(
        "il lo la i gli le di del della dei e è un una che in per con non si su al come più ma "
          + "sono da anche nel alla questo questa se o ci ha dalla delle essere suo sua loro "
          + "perché quando molto può dal degli")
    ),
    (
      .portuguese,
      words(
        "o a os as de do da dos das e é um uma que em no na por para com não se mais como mas ao "
          + "pelo pela sua seu ou quando muito nos já eu também só foi são ser está pode isso "
          + "entre sem até você ele ela")
    ),
    (
      .dutch,
      words(
        "de het een en van in is dat op te zijn met voor niet aan er die ook als maar om dan bij "
          + "uit nog wordt door over naar heeft hij zij ze we ik je kan worden of deze dit tot was "
          + "geen meer hun haar wat")
    ),
    (
      .polish,
      words(
        "i w na z do nie się że to jest o jak po co tak za od ale czy przez dla ich jego jej są "
          + "oraz może być który która które tego tym lub już tylko także więc gdy bardzo jako ten "
          + "ta")
    ),
  ]
}

/// Letters that belong together.
private enum Script: Int, Comparable {
  case latin, cyrillic, greek, hebrew, arabic, devanagari, hangul, han, kana

  static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

  init?(_ scalar: Unicode.Scalar) {
    switch scalar.value {
    case 0x41...0x5A, 0x61...0x7A, 0xC0...0x24F: self = .latin
    case 0x370...0x3FF: self = .greek
    case 0x400...0x52F: self = .cyrillic
    case 0x590...0x5FF: self = .hebrew
    case 0x600...0x6FF: self = .arabic
    case 0x900...0x97F: self = .devanagari
    case 0x3041...0x30FF: self = .kana
    case 0x3400...0x4DBF, 0x4E00...0x9FFF: self = .han
    case 0xAC00...0xD7A3: self = .hangul
    default: return nil
    }
  }
}
