/// What stays on one model: a user, a session, a request.
///
/// Holds the value itself only while a request is routed; what is stored is its hash.
package struct AssignmentUnit: Hashable, Sendable {
  package var id: String

  package init(id: String) {
    self.id = id
  }
}
