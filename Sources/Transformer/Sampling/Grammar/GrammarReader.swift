/// Reads bytes after a grammar, and remembers where each beginning leads.
///
/// The grammar is not deterministic, so a *place* is a set of configurations, each a state and a
/// stack of the states to go on at when called rules end. Stacks share their lower parts and are
/// told apart by number; sets are numbered as they are met, and the way from each place by each
/// byte is found once: the determinisation of an automaton, made lazily.
///
/// A value of one answer, so that nothing is locked.
struct GrammarReader: Sendable {
  /// A number for a set of configurations.
  typealias Place = Int32

  /// Where no answer goes on.
  static let nowhere: Place = -1
  /// Calls inside each other that are followed. Deeper ones are not allowed.
  static let depthLimit = 512
  /// Configurations at once; those beyond are not followed, so that less may be allowed than the
  /// grammar says, but never more.
  static let configurationLimit = 2_048
  /// Places that are kept before all are forgotten but the one at hand; one to seventeen kilobytes
  /// each.
  static let placeLimit = 8_192

  private struct Configuration: Hashable, Comparable {
    let state: Grammar.State
    /// A number in `frames`; 0 for the empty stack.
    let stack: Int32

    static func < (left: Configuration, right: Configuration) -> Bool {
      (left.state, left.stack) < (right.state, right.stack)
    }
  }

  private struct Frame: Hashable {
    let state: Grammar.State
    let below: Int32
    let depth: Int32
  }

  private let grammar: Grammar
  /// The first stands for the empty stack.
  private var frames: [Frame] = []
  private var frameNumbers: [Frame: Int32] = [:]
  private var places: [[Configuration]] = []
  private var placeNumbers: [[Configuration]: Place] = [:]
  /// [places][256]; −2 where it is not known yet.
  private var ways: [Place] = []
  private(set) var place: Place = 0

  init(_ grammar: Grammar) {
    self.grammar = grammar
    begin([Configuration(state: grammar.start, stack: 0)])
  }

  private mutating func begin(_ seeds: [Configuration]) {
    place = number(closure(of: seeds))
  }

  /// Whether what was read is a whole answer.
  var isComplete: Bool { isComplete(place) }

  private func isComplete(_ place: Place) -> Bool {
    place != Self.nowhere
      && places[Int(place)].contains { $0.state == grammar.end && $0.stack == 0 }
  }

  /// Reads a byte that is allowed here, or ends up nowhere.
  mutating func read(_ byte: UInt8) {
    place = next(from: place, by: byte)
    if places.count > Self.placeLimit, place != Self.nowhere { forgetAllButHere() }
  }

  /// Where `byte` leads from `place`.
  mutating func next(from place: Place, by byte: UInt8) -> Place {
    guard place != Self.nowhere else { return Self.nowhere }
    let index = Int(place) << 8 | Int(byte)
    if ways[index] != -2 { return ways[index] }
    var seeds: [Configuration] = []
    for configuration in places[Int(place)] {
      for case .byte(let range, let target) in grammar.edges[Int(configuration.state)]
      where range.contains(byte) {
        seeds.append(Configuration(state: target, stack: configuration.stack))
      }
    }
    let next = seeds.isEmpty ? Self.nowhere : number(closure(of: seeds))
    ways[index] = next
    return next
  }

  /// All configurations that are reached without reading, of which those are kept that read or end.
  private mutating func closure(of seeds: [Configuration]) -> [Configuration] {
    var waiting = seeds
    var seen = Set(seeds)
    var kept: [Configuration] = []
    while let configuration = waiting.popLast() {
      let edges = grammar.edges[Int(configuration.state)]
      var reads = configuration.state == grammar.end && configuration.stack == 0
      var reached: [Configuration] = []
      for edge in edges {
        switch edge {
        case .byte: reads = true
        case .skip(let target):
          reached.append(Configuration(state: target, stack: configuration.stack))
        case .call(let start, let then):
          // Where there is no room for another configuration, none for its stack is taken either.
          guard seen.count < Self.configurationLimit,
            let stack = push(then, on: configuration.stack)
          else { continue }
          reached.append(Configuration(state: start, stack: stack))
        }
      }
      if grammar.isRuleEnd[Int(configuration.state)], configuration.stack != 0 {
        let frame = frames[Int(configuration.stack)]
        reached.append(Configuration(state: frame.state, stack: frame.below))
      }
      if reads { kept.append(configuration) }
      for next in reached where seen.count < Self.configurationLimit && seen.insert(next).inserted {
        waiting.append(next)
      }
    }
    return kept.sorted()
  }

  private mutating func push(_ state: Grammar.State, on stack: Int32) -> Int32? {
    if frames.isEmpty { frames.append(Frame(state: -1, below: 0, depth: 0)) }
    let depth = frames[Int(stack)].depth + 1
    guard depth <= Self.depthLimit else { return nil }
    let frame = Frame(state: state, below: stack, depth: depth)
    if let known = frameNumbers[frame] { return known }
    frames.append(frame)
    frameNumbers[frame] = Int32(frames.count - 1)
    return Int32(frames.count - 1)
  }

  private mutating func number(_ configurations: [Configuration]) -> Place {
    guard !configurations.isEmpty else { return Self.nowhere }
    if let known = placeNumbers[configurations] { return known }
    let new = Place(places.count)
    places.append(configurations)
    placeNumbers[configurations] = new
    ways.append(contentsOf: repeatElement(-2, count: 256))
    return new
  }

  /// How often places were forgotten: what others know of them by number is void then.
  private(set) var generation = 0

  private mutating func forgetAllButHere() {
    let here = places[Int(place)]
    places = []
    placeNumbers = [:]
    ways = []
    generation += 1
    place = number(here)
  }
}
