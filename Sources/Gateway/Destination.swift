import Experimentation
import HTTPTypes
import OpenAIAPI
import Routing

/// Where a request goes: decided once, from one snapshot of the table.
struct Destination: Sendable {
  /// The model that answers.
  var model: ModelName
  /// How it was chosen; `nil` when the client named a model rather than a route, which is never
  /// evidence.
  var assignment: Assignment?
  var shadows: [ShadowRule]
  /// Whose answer stands in each place of one with several choices; empty when `model` gives all.
  var draft: [ModelName] = []
  /// What the draft was drawn from; `nil` without one.
  var draw: String?
  /// What is measured of the answer and of pairs with it.
  var scores = ScorePlan()

  /// The header by which a client pins a request to a model, where the policy allows it.
  static let overrideHeader = "x-rollout-model"

  /// Decides.
  ///
  /// - Throws: 404 for a name that is neither a route nor a model.
  ///
  /// - Parameter draw: a fresh name that decides for requests without a unit, and about shadows;
  ///   not the request's own, which the client may have chosen
  init(
    _ question: Question, headers: HTTPFields, draw: String, table: RoutingTable,
    atMilliseconds: Int64
  ) throws(APIError) {
    guard let name = RouteName(question.model), let wholeRoute = table.routes[name] else {
      guard let model = ModelName(question.model), table.models.contains(model) else {
        throw .modelNotFound(question.model)
      }
      self.model = model
      assignment = nil
      shadows = []
      return
    }
    let route = wholeRoute.rules(
      labels: question.labels, headerValue: { RoutingKey.header($0, in: headers) })
    let unit = RoutingKey.unit(
      of: route, user: question.user, headers: headers, draw: draw)
    let pinned = RoutingKey.header(Self.overrideHeader, in: headers).flatMap { ModelName($0) }
    let cell = route.context.map { context in
      context.cell(
        promptTokens: question.estimatedPromptTokens,
        labels: context.labels.isEmpty ? [:] : question.labels)
    }
    let decision = Router.route(
      unit, requestID: draw, pinned: pinned, choices: question.draftableChoices, cell: cell,
      in: route)
    model = decision.serving
    draft = decision.draft
    self.draw = decision.draft.isEmpty ? nil : draw
    shadows = decision.shadows
    scores = route.scores
    var assignment = Assignment(
      route: name, rollout: decision.rollout,
      unitHash: RoutingKey.hash(route.dealt(unit, in: cell), salt: route.salt),
      propensity: decision.propensity, atMilliseconds: atMilliseconds)
    if !route.labels.isEmpty {
      assignment.labels = question.labels.filter {
        route.labels.contains(RequestLabel(key: $0.key, value: $0.value))
      }
    }
    for header in route.headers
    where RoutingKey.header(header.name, in: headers) == header.value {
      assignment.labels[header.labelKey] = header.value
    }
    self.assignment = assignment
  }
}
