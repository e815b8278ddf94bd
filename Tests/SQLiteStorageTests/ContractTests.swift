import SQLiteStorage
import Testing

@Suite struct ContractTests {
  @Test(arguments: JournalContract.allCases)
  func `the SQLite journal keeps the contract`(rule: JournalContract) async throws {
    let folder = try TemporaryFolder()
    let database = try folder.open()
    try await rule.check(database.journal)
    try database.close()
  }

  @Test(arguments: OutcomeStoreContract.allCases)
  func `the SQLite outcome store keeps the contract`(rule: OutcomeStoreContract) async throws {
    let folder = try TemporaryFolder()
    let database = try folder.open()
    try await rule.check(database.outcomes)
    try database.close()
  }
}
