import Experimentation
import Routing
import Storage
import TestPeers
import Testing

@testable import Gateway

/// Bandits that tell requests apart: from a request's text and labels to the table that it is dealt
/// by.
@Suite(.serialized) struct ContextTests {
  /// Five lengths times gold and other tiers: ten cells, of which each has shares of its own.
  private static let context = BanditContext(
    usesPromptLength: true, labels: [.init(key: "tier", values: ["gold"])])
  /// The third allocation, of ten tables.
  private static let firstTable = 3 * context.cellCount

  private static func share(in cell: Int) throws -> Share {
    try #require(Share(Double(cell + 1) / 16))
  }

  private static func route() throws -> RouteTable {
    var route = try RouteTable.trial(unit: .request)
    route.context = context
    route.rollout?.allocation = firstTable
    route.cells = try (0..<context.cellCount).map { cell in
      let share = try share(in: cell)
      return [
        WeightedModel(model: try modelName("dense"), share: share.complement),
        WeightedModel(model: try modelName("flash"), share: share),
      ]
    }
    return route
  }

  /// A question, and the cell that it is in.
  struct Kind: Sendable, CustomTestStringConvertible {
    var bytes: Int
    var tier: String?
    var cell: Int

    var testDescription: String { "\(bytes) bytes, tier \(tier ?? "unknown")" }
  }

  /// Four bytes are taken for a token, whatever a model would count; lengths come first, gold
  /// before the others.
  static let kinds = [
    Kind(bytes: 4, tier: "gold", cell: 0), Kind(bytes: 4 * 256 - 1, tier: nil, cell: 1),
    Kind(bytes: 4 * 256, tier: "gold", cell: 2), Kind(bytes: 4 * 1_024 - 1, tier: "tin", cell: 3),
    Kind(bytes: 4 * 1_024, tier: "gold", cell: 4), Kind(bytes: 4 * 4_096, tier: "gold", cell: 6),
    Kind(bytes: 4 * 4_096, tier: "GOLD", cell: 7),
  ]

  @Test(arguments: kinds)
  func `a request is dealt by the table of its length and labels`(kind: Kind) async throws {
    try await ScriptedServer.run {
      ScriptedAnswer.chat(to: $0, ["a"])
    } _: { server in
      try await World.run(
        ["dense": server.port, "flash": server.port], [try Self.route()],
        options: { $0.gateway.feedback.tokens = FeedbackTokens(key: FeedbackTests.key) }
      ) { world in
        let label = kind.tier.map { #","metadata":{"tier":"\#($0)"}"# } ?? ""
        for number in 0..<24 {
          let answer = try await world.chat(
            String(repeating: "x", count: kind.bytes), stream: number.isMultiple(of: 2), label)
          let token = try #require(answer["x-rollout-feedback-token"])
          _ = try await world.rate(#""token":"\#(token)","thumbs":"up""#)
        }
        let share = try Self.share(in: kind.cell)
        let chances = ["dense": share.complement.value, "flash": share.value]
        let outcomes = try await world.outcomes(24)
        // What users say is joined to the same table and chance, by the token alone.
        let said = try await world.feedback()
        #expect(said.count == 24)
        for (model, assignment) in outcomes.map({ ($0.model, $0.assignment) })
          + said.map({ ($0.model, $0.assignment) })
        {
          #expect(assignment.rollout?.allocation == Self.firstTable + kind.cell)
          #expect(assignment.propensity == chances[model.text])
        }
      }
    }
  }
}
