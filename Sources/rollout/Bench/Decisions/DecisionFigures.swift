/// The delays that STATISTICS T2, T3, T6 and T9 found for our tests: median, p80 and p90 of the
/// requests (pairs, assignments) until the decision; `nil` where the table has none.
enum DecisionFigures {
  struct Key: Hashable {
    let method: String
    let purpose: String
    let traffic: String
    let truth: String
  }

  /// What a delay may be above the figure.
  static let tolerance = 1.10

  static func delays(
    _ method: String, _ purpose: String, _ traffic: String, _ truth: String
  ) -> [Double?]? {
    table[Key(method: method, purpose: purpose, traffic: traffic, truth: truth)]
  }

  private static let table: [Key: [Double?]] = {
    var table: [Key: [Double?]] = [:]
    for (purpose, traffic, rows) in [
      ("rollback", "50/50", half), ("rollback", "5%", canary),
      ("promotion", "50/50", halfPromotion),
      ("promotion", "5%", canaryPromotion), ("rollback", "shadow", shadow),
      ("promotion", "shadow", shadowPromotion), ("rollback", "ramp 1-5-25-50%", ramp),
      ("rollback", "50%", sampleRatio), ("rollback", "5%", sampleRatioCanary),
    ] {
      for (method, truth, delays) in rows {
        table[Key(method: method, purpose: purpose, traffic: traffic, truth: truth)] = delays
      }
    }
    return table
  }()

  private typealias Row = (method: String, truth: String, delays: [Double?])

  private static let half: [Row] = [
    ("errors", "err1to2", [3_200, 6_100, 8_100]),
    ("errors", "err1to1.5", [9_800, 23_800, 32_800]),
    ("errors", "err1to5", [511, 817, 1_000]),
    ("quality", "q-2pt", [2_300, 4_400, 5_700]), ("quality", "q-5pt", [594, 919, 1_100]),
    ("latency p50", "lat+10%", [2_100, 3_900, 5_400]),
    ("latency p95", "lat+10%", [2_600, 4_700, 6_600]),
    ("latency p99", "lat+10%", [7_600, 14_500, 19_600]),
    ("latency p95", "lat+20%", [807, 1_300, 1_600]),
    ("latency p99", "lat+20%", [2_100, 3_500, 4_400]),
    ("latency p99", "tail+10%", [9_000, 17_900, 25_000]),
    ("latency p99", "tail+20%", [3_600, 5_900, 7_500]),
    ("latency p50 by betting", "lat+10%", [907, 1_700, 2_400]),
    ("latency p50 by betting", "lat+20%", [353, 563, 704]),
    ("log latency", "lat+10%", [700, 1_200, 1_600]), ("log latency", "lat+20%", [272, 380, 462]),
  ]

  private static let canary: [Row] = [
    ("errors", "err1to2", [14_800, 28_300, 36_500]),
    ("quality", "q-2pt", [11_500, 21_000, 30_400]),
    ("latency p50", "lat+10%", [10_100, 19_500, 26_100]),
    ("latency p95", "lat+10%", [11_700, 22_700, 33_200]),
    ("latency p99", "lat+10%", [34_700, 65_700, 88_500]),
    ("latency p95", "lat+20%", [4_000, 6_800, 8_400]),
    ("latency p99", "lat+20%", [10_200, 16_900, 21_400]),
    ("log latency", "lat+10%", [3_400, 5_800, 7_500]),
    ("log latency", "lat+20%", [1_500, 2_100, 2_500]),
  ]

  private static let halfPromotion: [Row] = [
    ("errors", "harmless", [4_600, 8_900, 11_900]),
    ("quality", "harmless", [2_200, 4_100, 5_700]),
    ("latency p50", "harmless", [1_700, 3_200, 4_300]),
    ("latency p95", "harmless", [3_100, 5_700, 7_600]),
    ("latency p99", "harmless", [9_900, 18_900, 24_800]),
    ("log latency", "harmless", [627, 1_100, 1_500]),
  ]

  private static let canaryPromotion: [Row] = [
    ("errors", "harmless", [19_200, 35_700, 44_800]),
    ("quality", "harmless", [12_100, 22_700, 31_300]),
    ("latency p50", "harmless", [9_200, 16_900, 23_200]),
    ("latency p95", "harmless", [17_200, 30_100, 41_000]),
    ("latency p99", "harmless", [60_500, 105_200, nil]),
    ("log latency", "harmless", [5_200, 7_300, 9_000]),
  ]

  private static let shadow: [Row] = [
    ("shadow quality", "q-2pt", [510, 952, 1_300]),
    ("shadow errors", "err1to2", [1_300, 2_400, 3_300]),
    ("shadow latency ratio", "lat+10%", [193, 357, 497]),
    ("shadow latency p99", "lat+10%", [2_800, 5_200, 7_100]),
    ("shadow latency p99", "lat+20%", [841, 1_400, 1_800]),
  ]

  private static let shadowPromotion: [Row] = [
    ("shadow quality", "harmless", [480, 912, 1_300]),
    ("shadow latency ratio", "harmless", [184, 351, 475]),
  ]

  private static let ramp: [Row] = [
    ("errors", "RR 2, -2pt", [20_400, 21_800, 22_600]),
    ("quality", "RR 2, -2pt", [19_700, 22_500, 24_800]),
  ]

  /// T9 has the median and p90.
  private static let sampleRatio: [Row] = [
    ("sample ratio by counts", "50->51", [26_600, nil, 53_900]),
    ("sample ratio by counts", "50->52", [7_000, nil, 13_200]),
    ("sample ratio by counts", "50->55", [1_500, nil, 2_400]),
    ("sample ratio by tilts", "50->51", [31_300, nil, 58_800]),
    ("sample ratio by tilts", "50->52", [8_000, nil, 15_100]),
    ("sample ratio by tilts", "50->55", [1_300, nil, 2_400]),
  ]

  private static let sampleRatioCanary: [Row] = [
    ("sample ratio by counts", "5->6", [5_800, nil, 10_800]),
    ("sample ratio by counts", "5->4", [5_100, nil, 9_400]),
    ("sample ratio by tilts", "5->6", [6_600, nil, 11_900]),
    ("sample ratio by tilts", "5->4", [5_700, nil, 10_700]),
  ]
}
