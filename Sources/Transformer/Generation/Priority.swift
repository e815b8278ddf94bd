/// Who goes first.
package enum Priority: Hashable, Sendable {
  /// Somebody waits for the answer.
  case live
  /// Nobody waits; runs only while no live work is there.
  case shadow
}
