// swift-tools-version: 6.2

// The layering table. A target imports only targets above it in this file; the comments give the
// ranks. `make check` refuses an import that is not declared here.

import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

func target(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

// `scripts` are run by the tests, and no part of them.
func tests(
  _ name: String, _ dependencies: [Target.Dependency], scripts: [String] = []
) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: dependencies, exclude: scripts, swiftSettings: settings)
}

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient = Target.Dependency.product(
  name: "AsyncHTTPClient", package: "async-http-client")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let serviceLifecycle = Target.Dependency.product(
  name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(
  name: "UnixSignals", package: "swift-service-lifecycle")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
  name: "rollout",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "rollout", targets: ["rollout"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-crypto", "4.0.0"..<"5.0.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    // Older versions pass CR and LF into header values (GHSA-cq87-8r7h-962v).
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    // Rank 0: values and arithmetic.
    target("Experimentation"),
    target("Statistics"),
    target("OpenAIAPI"),
    .target(
      name: "CKernels",
      cSettings: [.unsafeFlags(["-O3", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off"])]),

    // Rank 1: one field each.
    target("PolicyLanguage", ["Experimentation", crypto, yams]),
    target("Routing", ["Experimentation", "Statistics"]),
    target("Storage", ["Experimentation", "Statistics"]),
    target("Tensors", ["CKernels"]),
    target("Observability", [logging, metrics]),

    // Rank 2: fields that build on them.
    target(
      "SQLiteStorage",
      ["Experimentation", "Statistics", "Storage", crypto, grdb, sqlite, logging]),
    target("Promotion", ["Experimentation", "Statistics", "Routing", "Storage", logging]),
    target("Transformer", ["Tensors"]),

    // Rank 3: what attention variants of one model cost in quality, measured before any traffic.
    target("Evaluation", ["Statistics", "Transformer"]),

    // Rank 3–4: whoever can answer, and how two answers compare.
    target(
      "Backends",
      [
        "Experimentation", "Statistics", "OpenAIAPI", "Transformer", asyncHTTPClient, crypto,
        logging, nioCore, nioHTTP1,
      ]),
    target("Quality", ["Experimentation", "OpenAIAPI", "Backends"]),

    // Rank 5: the data plane and the control plane over HTTP.
    target(
      "Gateway",
      [
        "Experimentation", "Statistics", "Routing", "Storage", "OpenAIAPI", "Backends", "Quality",
        "Observability", crypto, hummingbird, hummingbirdCore, httpTypes, logging, metrics, nioCore,
        nioHTTP1, serviceLifecycle,
      ]),
    target(
      "Console",
      [
        "Experimentation", "Statistics", "Storage", "Promotion", "PolicyLanguage", hummingbird,
        httpTypes, logging, nioCore, serviceLifecycle,
      ]),

    // Rank 5: a seeded world with a clock of its own, in which the code of production runs.
    target(
      "Simulation",
      ["Experimentation", "Statistics", "Routing", "Storage", "Promotion", logging]),

    // Rank 6: the one place where parts are put together.
    .executableTarget(
      name: "rollout",
      dependencies: [
        "Experimentation", "Statistics", "OpenAIAPI", "PolicyLanguage", "Routing", "Storage",
        "Observability", "SQLiteStorage", "Promotion", "Transformer", "Evaluation", "Backends",
        "Quality", "Gateway", "Console", "Simulation", "Tensors", argumentParser, asyncHTTPClient,
        hummingbird,
        hummingbirdCore, logging, metrics, nioCore, nioHTTP1, nioPosix, serviceLifecycle,
        unixSignals,
      ],
      swiftSettings: settings),

    tests("Experimentation", ["Experimentation"]),
    tests("Statistics", ["Statistics"]),
    tests("OpenAIAPI", ["OpenAIAPI"]),
    tests(
      "PolicyLanguage", ["PolicyLanguage", "Experimentation"],
      scripts: ["sarif_check.py", "schema_check.py"]),
    tests("Routing", ["Routing", "Experimentation", "Statistics"]),
    tests("Tensors", ["Tensors"]),
    tests("Transformer", ["Transformer", "Tensors"]),
    tests("Evaluation", ["Evaluation", "Statistics", "Transformer"]),
    tests("Observability", ["Observability", metrics, logging]),
    // A disk that fails when tests tell it to.
    .target(
      name: "FaultyDisk", path: "Tests/FaultyDisk",
      cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])],
      linkerSettings: [.linkedLibrary("sqlite3")]),
    tests(
      "SQLiteStorage",
      [
        "SQLiteStorage", "Storage", "Experimentation", "Statistics", "FaultyDisk", grdb, logging,
      ]),
    tests(
      "Promotion",
      [
        "Promotion", "Routing", "Storage", "SQLiteStorage", "Experimentation", "Statistics",
        logging,
      ]),
    // Whoever is at the other end of a socket in tests.
    .target(
      name: "TestPeers", dependencies: [nioCore, nioPosix], path: "Tests/TestPeers",
      swiftSettings: settings),
    tests(
      "Backends",
      [
        "Backends", "OpenAIAPI", "Experimentation", "Tensors", "Transformer", "TestPeers", crypto,
      ]),
    tests("Quality", ["Quality", "Backends", "Experimentation", "OpenAIAPI"]),
    tests(
      "Gateway",
      [
        "Gateway", "Backends", "Routing", "Storage", "SQLiteStorage", "OpenAIAPI",
        "Quality", "Experimentation", "Statistics", "Observability", "TestPeers", logging, nioCore,
        serviceLifecycle,
      ]),
    tests(
      "Console",
      [
        "Console", "Experimentation", "PolicyLanguage", "Promotion", "Routing", "Storage",
        "SQLiteStorage", asyncHTTPClient, hummingbird, logging, nioCore, nioHTTP1,
      ]),
    tests(
      "Simulation",
      ["Simulation", "Experimentation", "Statistics", "Routing", "Storage", "Promotion", "Console"]
    ),
    tests(
      "Rollout", ["OpenAIAPI", "TestPeers"],
      scripts: ["openai_client.py", "openai_interleaved.py"]),
    tests("Tidy", []),
  ]
)
