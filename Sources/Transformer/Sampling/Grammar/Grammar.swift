/// A context-free language of bytes: what a constrained answer may be.
///
/// A recursive transition network (Woods 1970): each rule is a graph of states, whose edges read a
/// byte of some range, or call another rule and go on where it ends. Built by `GrammarBuilder`, and
/// read byte by byte by `GrammarReader`.
package struct Grammar: Sendable {
  /// Where a rule begins or goes on.
  package typealias State = Int32

  /// A way on from a state.
  enum Edge: Hashable, Sendable {
    /// Reads one byte of the range.
    case byte(ClosedRange<UInt8>, State)
    /// Reads nothing.
    case skip(State)
    /// Reads what the rule that begins at `start` reads.
    case call(start: State, then: State)
  }

  /// By state; none where a rule ends.
  let edges: [[Edge]]
  let start: State
  /// Whether there is any answer.
  package var isEmpty: Bool { edges[Int(start)].isEmpty && start != end }
  /// Where the whole answer is complete.
  let end: State
  /// By state: whether a called rule ends there.
  let isRuleEnd: [Bool]
}

/// Puts a grammar together, graph by graph.
package struct GrammarBuilder {
  /// A part of the grammar that can be called from several places, and from itself.
  package struct Rule: Hashable, Sendable {
    package let start: Grammar.State
    package let end: Grammar.State
  }

  /// States that one grammar may have: 2 MiB or so.
  package static let stateLimit = 32_768

  private var edges: [[Grammar.Edge]] = []
  private var ruleEnds: Set<Grammar.State> = []

  /// A builder of nothing.
  package init() {}

  /// Whether there is room for more; what is added beyond the bound is left out, so that the caller
  /// has to ask before it trusts the result.
  package var isWithinLimit: Bool { edges.count <= Self.stateLimit }

  /// A state without edges; the last one again where there is no room for more.
  package mutating func makeState() -> Grammar.State {
    // The states beyond the limit are all one: nothing grows any more.
    guard isWithinLimit else { return Grammar.State(edges.count - 1) }
    edges.append([])
    return Grammar.State(edges.count - 1)
  }

  /// An empty rule, whose graph is to be laid from its start to its end.
  package mutating func makeRule() -> Rule {
    let rule = Rule(start: makeState(), end: makeState())
    ruleEnds.insert(rule.end)
    return rule
  }

  private mutating func add(_ edge: Grammar.Edge, from: Grammar.State) {
    guard isWithinLimit else { return }
    edges[Int(from)].append(edge)
  }

  /// One byte of `range`.
  package mutating func read(
    _ range: ClosedRange<UInt8>, from: Grammar.State, to: Grammar.State
  ) {
    add(.byte(range, to), from: from)
  }

  /// One byte of each range, in order.
  package mutating func read(
    sequence: [ClosedRange<UInt8>], from: Grammar.State, to: Grammar.State
  ) {
    guard let last = sequence.last else { return skip(from: from, to: to) }
    var place = from
    for range in sequence.dropLast() {
      let next = makeState()
      read(range, from: place, to: next)
      place = next
    }
    read(last, from: place, to: to)
  }

  /// Exactly these bytes.
  package mutating func read(
    _ bytes: some Sequence<UInt8>, from: Grammar.State, to: Grammar.State
  ) {
    read(sequence: bytes.map { $0...$0 }, from: from, to: to)
  }

  /// Nothing.
  package mutating func skip(from: Grammar.State, to: Grammar.State) {
    add(.skip(to), from: from)
  }

  /// What `rule` reads.
  package mutating func call(_ rule: Rule, from: Grammar.State, to: Grammar.State) {
    add(.call(start: rule.start, then: to), from: from)
  }

  /// `rule`, at least and at most so many times; without bound for `nil`.
  package mutating func repeated(
    _ rule: Rule, _ least: Int, _ most: Int?, from: Grammar.State, to: Grammar.State
  ) {
    var place = from
    for _ in 0..<least where isWithinLimit {
      let next = makeState()
      call(rule, from: place, to: next)
      place = next
    }
    guard let most else {
      let loop = makeState()
      skip(from: place, to: loop)
      call(rule, from: loop, to: loop)
      return skip(from: loop, to: to)
    }
    skip(from: place, to: to)
    for _ in least..<max(least, most) where isWithinLimit {
      let next = makeState()
      call(rule, from: place, to: next)
      skip(from: next, to: to)
      place = next
    }
  }

  /// The grammar whose answers are those of `rule`; `nil` beyond the limit.
  ///
  /// Ways that lead to no end are left out of it, so that no answer goes astray: a list that must
  /// hold such a list, and so on for ever. A grammar of no answers at all has no way from its
  /// start.
  package func grammar(_ rule: Rule) -> Grammar? {
    guard isWithinLimit else { return nil }
    let ends = statesWithEnd()
    let kept = edges.map { ways in
      ways.filter { edge in
        switch edge {
        case .byte(_, let target), .skip(let target): ends[Int(target)]
        case .call(let start, let then): ends[Int(start)] && ends[Int(then)]
        }
      }
    }
    return Grammar(
      edges: kept, start: rule.start, end: rule.end,
      isRuleEnd: edges.indices.map { ruleEnds.contains(Grammar.State($0)) })
  }
  /// By state: whether the end of its rule can be reached from it, in finitely many steps.
  private func statesWithEnd() -> [Bool] {
    var ends = edges.indices.map { ruleEnds.contains(Grammar.State($0)) }
    // Rules are mostly laid before what calls them or soon after: few rounds find all.
    var isChanged = true
    while isChanged {
      isChanged = false
      for state in edges.indices.reversed() where !ends[state] {
        let reaches = edges[state].contains { edge in
          switch edge {
          case .byte(_, let target), .skip(let target): ends[Int(target)]
          case .call(let start, let then): ends[Int(start)] && ends[Int(then)]
          }
        }
        if reaches {
          ends[state] = true
          isChanged = true
        }
      }
    }
    return ends
  }
}
