import Experimentation

/// When shadows of one candidate begin, by the bounds that its policy and the service put on them.
///
/// As the service's: at most `concurrency` at once, at most 1,024 waiting, no new one when the
/// day's tokens are spent; what finds no room is dropped.
struct ShadowLane: Sendable {
  private static let capacity = 1_024
  private static let secondsADay = 86_400.0

  /// When each place is free again, in seconds.
  private var places: [Double] = []
  /// When those begin that have not begun yet, ascending; those before `first` have.
  private var waiting: [Double] = []
  private var first = 0
  private var day = 0.0
  private var tokensToday = 0

  /// - Parameters:
  ///   - arrival: seconds, never less than before
  ///   - seconds: that the shadow takes
  ///   - tokens: of prompt and answer
  /// - Returns: when it ends; `nil` when it is dropped
  mutating func run(
    at arrival: Double, for seconds: Double, tokens: Int, within traffic: ShadowTraffic
  ) -> Double? {
    let today = (arrival / Self.secondsADay).rounded(.down)
    if today != day { (day, tokensToday) = (today, 0) }
    if let budget = traffic.tokensPerDay, tokensToday >= budget { return nil }
    while first < waiting.count, waiting[first] <= arrival { first += 1 }
    guard waiting.count - first < Self.capacity else { return nil }
    if first > Self.capacity {
      waiting.removeFirst(first)
      first = 0
    }
    let concurrency = max(1, traffic.concurrency)
    if places.count != concurrency {
      places = Array(places.sorted().suffix(concurrency))
      places += [Double](repeating: 0, count: concurrency - places.count)
    }
    let place = places.indices.min { places[$0] < places[$1] } ?? 0
    let begin = max(arrival, places[place])
    if begin > arrival { waiting.append(begin) }
    places[place] = begin + seconds
    tokensToday += tokens
    return begin + seconds
  }
}
