import Foundation
import Testing

@testable import Transformer

struct `Reading GGUF` {
  @Test func `a header cut at any byte is refused, and one that goes on asks for more`() throws {
    let builder = `A lying file is refused`.sound()
    let (bytes, header) = (builder.bytes, builder.header.count)
    for count in 0..<header {
      let front = Array(bytes[..<count])
      // The file really ends there.
      #expect(try errorOpening(front)?.code == .malformedFile, "\(count) bytes")
      // The file goes on, and only its front was brought.
      #expect { try GGUFHeader(bytes: front, fileByteCount: bytes.count) } throws: {
        guard case .needsMore(let wanted) = $0 as? GGUFHeaderFailure else { return false }
        return wanted > count && wanted <= header
      }
    }
    #expect(throws: Never.self) {
      try GGUFHeader(bytes: Array(bytes[..<header]), fileByteCount: bytes.count)
    }
  }

  @Test func `24 bytes that claim 2⁶⁴ − 1 of everything are refused`() throws {
    for (tensors, keys) in [(0, UInt64.max), (UInt64.max, 0), (.max, .max)] as [(UInt64, UInt64)] {
      let bytes =
        Array("GGUF".utf8) + GGUFBuilder.little(UInt32(3)) + GGUFBuilder.little(tensors)
        + GGUFBuilder.little(keys)
      #expect(bytes.count == 24)
      #expect(try errorOpening(bytes)?.code == .malformedFile)
    }
  }

  @Test func `a header longer than the first portion is read whole`() throws {
    var builder = GGUFBuilder()
    let long = String(repeating: "x", count: 5 << 20)
    builder.add("long", long)
    builder.add("after", UInt32(7))
    let file = try openGGUF(builder.bytes)
    #expect(file.metadata["long"] == .string(long))
    #expect(try file.integer("after") == 7)
  }

  @Test func `every kind of value is read`() throws {
    var builder = GGUFBuilder()
    builder.add("u8", kind: 0, raw: [200])
    builder.add("i8", kind: 1, raw: [200])
    builder.add("u16", kind: 2, raw: GGUFBuilder.little(UInt16(40_000)))
    builder.add("i16", kind: 3, raw: GGUFBuilder.little(Int16(-2)))
    builder.add("i32", kind: 5, raw: GGUFBuilder.little(Int32(-3)))
    builder.add("u64", kind: 10, raw: GGUFBuilder.little(UInt64.max))
    builder.add("i64", kind: 11, raw: GGUFBuilder.little(Int64.min))
    builder.add("f32", Float(0.5))
    builder.add("f64", kind: 12, raw: GGUFBuilder.little((-0.25).bitPattern))
    builder.add("nan", Float.nan)
    builder.add("flag", true)
    builder.add("numbers", [1, -2, 3] as [Int32])
    let file = try openGGUF(builder.bytes)
    #expect(try file.integer("u8") == 200)
    #expect(try file.integer("i8") == -56)
    #expect(try file.integer("u16") == 40_000)
    #expect(try file.integer("i16") == -2)
    #expect(try file.number("i32") == -3)
    #expect(file.metadata["u64"] == .hugeInteger(.max))
    #expect(try file.integer("i64") == .min)
    #expect(try file.number("f32") == 0.5)
    #expect(try file.number("f64") == -0.25)
    #expect(try file.flag("flag") == true)
    #expect(try file.array("numbers")?.int32s() == [1, -2, 3])
    #expect(try file.integer("missing") == nil)
    for access in [
      { _ = try file.integer("u64") }, { _ = try file.number("nan") },
      { _ = try file.string("u8") },
      { _ = try file.flag("u8") }, { _ = try file.array("u8") },
    ] as [() throws -> Void] {
      #expect { try access() } throws: { ($0 as? TransformerError)?.code == .malformedFile }
    }
  }

  @Test func `what is no regular file is refused without waiting`() throws {
    try withTemporaryDirectory { directory in
      func path(_ name: String) -> String { directory.appending(path: name).path }
      func code(_ name: String) -> TransformerError.Code? {
        do throws(TransformerError) {
          _ = try GGUFFile.open(path: path(name))
          return nil
        } catch {
          #expect(error.message.contains(path(name)))
          return error.code
        }
      }
      #expect(mkfifo(path("fifo"), 0o600) == 0)
      #expect(symlink(path("nothing"), path("dangling")) == 0)
      #expect(symlink(path("loop"), path("loop")) == 0)
      try Data().write(to: directory.appending(path: "empty"))
      try Data("G".utf8).write(to: directory.appending(path: "short"))
      try Data(`A lying file is refused`.sound().bytes).write(to: directory.appending(path: "real"))
      #expect(symlink(path("real"), path("link")) == 0)
      #expect(code("fifo") == .unreadableFile)
      #expect(code(".") == .unreadableFile)
      #expect(code("nothing") == .unreadableFile)
      #expect(code("dangling") == .unreadableFile)
      #expect(code("loop") == .unreadableFile)
      #expect(code("real/beneath") == .unreadableFile)
      #expect(code("empty") == .malformedFile)
      #expect(code("short") == .malformedFile)
      #expect(code("link") == nil)
    }
  }

  @Test func `a sparse file of 100 GB costs no memory and no time`() throws {
    try withTemporaryDirectory { directory in
      // One key whose name is 50 GB long, which such a file could really hold.
      let front =
        Array("GGUF".utf8) + GGUFBuilder.little(UInt32(3)) + GGUFBuilder.little(UInt64(0))
        + GGUFBuilder.little(UInt64(1)) + GGUFBuilder.little(UInt64(50_000_000_000))
      let path = directory.appending(path: "sparse.gguf")
      try Data(front).write(to: path)
      #expect(truncate(path.path, 100_000_000_000) == 0)
      #expect { try GGUFFile.open(path: path.path) } throws: {
        ($0 as? TransformerError)?.code == .unsupportedFile
      }
    }
  }

  @Test func `a file that changes while it is loaded is noticed`() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "model.gguf").path
      try Data(`A lying file is refused`.sound().bytes).write(to: URL(filePath: path))
      let file = try GGUFFile.open(path: path)
      let norm = try #require(file.tensors["norm"])
      try file.file.checkUnchanged()
      let numbers = try file.numbers(of: norm)
      #expect(numbers == [UInt8](repeating: 2, count: 16))

      // Renaming another file over it leaves the opened one whole.
      let other = directory.appending(path: "other.gguf").path
      try Data("other".utf8).write(to: URL(filePath: other))
      #expect(rename(other, path) == 0)
      try file.file.checkUnchanged()
      #expect(try file.numbers(of: norm) == numbers)

      // Shortening it in place would kill a process that had mapped it and touched its end.
      let second = directory.appending(path: "second.gguf").path
      try Data(`A lying file is refused`.sound().bytes).write(to: URL(filePath: second))
      let shortened = try GGUFFile.open(path: second)
      #expect(truncate(second, 64) == 0)
      for attempt in [
        { try shortened.file.checkUnchanged() },
        { _ = try shortened.numbers(of: norm) },
      ] as [() throws -> Void] {
        #expect { try attempt() } throws: { ($0 as? TransformerError)?.code == .unreadableFile }
      }
    }
  }

  @Test func `weights that are cut short while they are loaded are an error`() throws {
    try withTemporaryDirectory { directory in
      let path = directory.appending(path: "model.gguf").path
      let bytes = EngineTinyModel().bytes()
      try Data(bytes).write(to: URL(filePath: path))
      let file = try GGUFFile.open(path: path)
      // In the middle of the matrices, then in the middle of a page, then everything.
      for length in [bytes.count / 2, 4_096 + 17, 0] {
        #expect(truncate(path, length) == 0)
        #expect { try Weights(file, threads: 2) } throws: {
          ($0 as? TransformerError)?.code == .unreadableFile
        }
      }
    }
  }

  @Test func `blocks have the sizes of the format`() {
    // Elements and bytes, from the definition of GGUF's types.
    let sizes: [(TensorType, Int, Int)] = [
      (.f32, 1, 4), (.f16, 1, 2), (.bf16, 1, 2), (.f64, 1, 8), (.i8, 1, 1), (.i16, 1, 2),
      (.i32, 1, 4), (.i64, 1, 8), (.q4_0, 32, 18), (.q4_1, 32, 20), (.q5_0, 32, 22),
      (.q5_1, 32, 24), (.q8_0, 32, 34), (.q8_1, 32, 36), (.q2_K, 256, 84), (.q3_K, 256, 110),
      (.q4_K, 256, 144), (.q5_K, 256, 176), (.q6_K, 256, 210), (.q8_K, 256, 292),
    ]
    #expect(sizes.count == TensorType.allCases.count)
    for (type, elements, bytes) in sizes {
      #expect(type.blockElements == elements && type.blockBytes == bytes, "\(type)")
    }
  }

  @Test func `the real model's tensors fill its file`() throws {
    let file = try TestModel.file()
    let tensors = file.tensors.values.sorted { $0.offset < $1.offset }
    #expect(tensors.count == 272)
    #expect(tensors.count { $0.type == .q4_1 } == 210)
    #expect(tensors.count { $0.type == .f32 } == 61)
    #expect(file.tensors["token_embd.weight"]?.type == .q8_0)
    #expect(file.tensors["token_embd.weight"]?.dimensions == [576, 49_152])
    #expect(try file.integer("llama.block_count") == 30)
    #expect(try file.number("llama.rope.freq_base") == 100_000)
    for (tensor, next) in zip(tensors, tensors.dropFirst()) {
      #expect(next.offset - (tensor.offset + tensor.byteCount) < 32)
    }
    let end = try #require(tensors.last.map { $0.offset + $0.byteCount })
    #expect(end == file.file.byteCount)
  }
}
