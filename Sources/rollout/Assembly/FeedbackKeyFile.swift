import Gateway

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The key that signs feedback tokens, in a file of the data folder that its owner alone may read.
///
/// Made at the first start, for its owner; a group may be let in, as orchestrators do with volumes.
/// Whoever removes it has every token that is out refused; several services that share one take
/// each other's tokens.
struct FeedbackKeyFile {
  let path: String

  init(folder: String) { path = folder + "/feedback.key" }

  /// The key, made where there is none yet.
  ///
  /// - Throws: `CommandFailure` for a file that is no key, or that cannot be read or made
  func tokens() throws(CommandFailure) -> FeedbackTokens {
    if let tokens = try read() { return tokens }
    try make(FeedbackTokens.makeKey())
    guard let tokens = try read() else { throw failure("read", ENOENT) }
    return tokens
  }

  private func read() throws(CommandFailure) -> FeedbackTokens? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    if file < 0 && errno == ENOENT { return nil }
    guard file >= 0 else { throw failure("read", errno) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw failure("read", errno) }
    guard status.st_mode & 0o007 == 0 else {
      throw CommandFailure(
        .failed, "anybody may read or change '\(path)', which signs feedback tokens",
        remedy: "chmod 600 '\(path)', or remove it if it was read: another is made")
    }
    // One byte more than a key has, to see that nothing follows.
    var bytes = [UInt8](repeating: 0, count: FeedbackTokens.keyBytes + 1)
    let count = pread(file, &bytes, bytes.count, 0)
    guard count >= 0 else { throw failure("read", errno) }
    guard let tokens = FeedbackTokens(key: Array(bytes.prefix(count))) else {
      throw CommandFailure(
        .failed, "'\(path)' is no key of \(FeedbackTokens.keyBytes) bytes",
        remedy: "restore it, or remove it: another is made, and tokens that are out are refused")
    }
    return tokens
  }

  /// Under another name until it is whole and on the disk.
  private func make(_ key: [UInt8]) throws(CommandFailure) {
    let new = path + ".new"
    unlink(new)
    let file = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure("made", errno) }
    let isOnDisk = pwrite(file, key, key.count, 0) == key.count && fsync(file) == 0
    let reason = errno
    close(file)
    guard isOnDisk else { throw failure("made", reason) }
    guard rename(new, path) == 0 else { throw failure("made", errno) }
  }

  private func failure(_ verb: String, _ reason: CInt) -> CommandFailure {
    CommandFailure(
      .failed,
      "the key of feedback tokens '\(path)' cannot be \(verb): \(String(cString: strerror(reason)))"
    )
  }
}
