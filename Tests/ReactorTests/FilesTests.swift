import Base
import Glibc
import Testing

@testable import Reactor

/// A folder of its own that goes away with the test.
private final class Scratch {
    let path: String

    init() throws {
        var template = Array(
            "\(getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp")/gamekeeper-\(String(repeating: "X", count: 6))"
                .utf8CString
        )
        path = String(cString: try #require(mkdtemp(&template)))
    }

    deinit { removeAll(path) }

    private func removeAll(_ path: String) {
        if let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
                    String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != ".", name != ".." { removeAll("\(path)/\(name)") }
            }
            closedir(folder)
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    var names: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            names.append(
                withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            )
        }
        return names.filter { $0 != "." && $0 != ".." }.sorted()
    }
}

private func mode(_ path: String) -> UInt32 {
    var status = stat()
    return stat(path, &status) == 0 ? UInt32(status.st_mode) & 0o7777 : 0
}

private func write(_ text: String, _ path: String) throws {
    try Files.replace(path, with: Array(text.utf8).span.bytes)
}

private func read(_ path: String, bytesMax: Int = 100, privacy: Files.Privacy = .any) throws(FileRefusal) -> String {
    let bytes = try Files.read(path, bytesMax: bytesMax, privacy: privacy)
    return String(decoding: bytes.array(), as: UTF8.self)
}

@Suite struct FilesTests {
    @Test func `a file that was written is read back, is its owner's alone, and leaves nothing beside it`() throws {
        let scratch = try Scratch()
        let path = "\(scratch.path)/keys"
        try write("one", path)
        #expect(try read(path, privacy: .owner) == "one")
        #expect(mode(path) == 0o600)
        chmod(path, 0o644)
        try write("another", path)
        #expect(try read(path) == "another")
        #expect(mode(path) == 0o600)
        #expect(scratch.names == ["keys"])
    }

    @Test func `an empty file is empty, and one of the largest size is read`() throws {
        let scratch = try Scratch()
        try write("", "\(scratch.path)/empty")
        #expect(try read("\(scratch.path)/empty", bytesMax: 0) == "")
        let text = String(repeating: "x", count: 200_000)
        try write(text, "\(scratch.path)/full")
        #expect(try read("\(scratch.path)/full", bytesMax: 200_000) == text)
        #expect(throws: FileRefusal("\(scratch.path)/full", .tooLarge(max: 199_999))) {
            try read("\(scratch.path)/full", bytesMax: 199_999)
        }
    }

    @Test(arguments: [0o640, 0o604, 0o660, 0o602] as [UInt32])
    func `a secret that others may reach is refused`(exposed: UInt32) throws {
        let scratch = try Scratch()
        let path = "\(scratch.path)/keys"
        try write("one", path)
        chmod(path, mode_t(exposed))
        #expect(throws: FileRefusal(path, .exposed(mode: exposed))) { try read(path, privacy: .owner) }
        #expect(try read(path) == "one")
    }

    @Test func `what is no file is not read, and nothing waits for it`() throws {
        let scratch = try Scratch()
        let pipe = "\(scratch.path)/pipe"
        mkfifo(pipe, 0o600)
        #expect(throws: FileRefusal(pipe, .otherKind)) { try read(pipe) }
        #expect(throws: FileRefusal(scratch.path, .otherKind)) { try read(scratch.path) }
        #expect(throws: FileRefusal("/dev/zero", .otherKind)) { try read("/dev/zero") }
        #expect(throws: FileRefusal("\(scratch.path)/none", .notFound)) { try read("\(scratch.path)/none") }
        #expect(throws: FileRefusal("", .badPath)) { try read("") }
        #expect(throws: FileRefusal("a\0b", .badPath)) { try read("a\0b") }
        let long = String(repeating: "a", count: 300)
        #expect(throws: FileRefusal(long, .badPath)) { try read(long) }
    }

    @Test func `a file that cannot take the place of another leaves it and itself behind`() throws {
        let scratch = try Scratch()
        let path = "\(scratch.path)/folder"
        try Files.makeFolder(path)
        #expect(throws: FileRefusal(path, .otherKind)) { try write("one", path) }
        #expect(scratch.names == ["folder"])
        #expect(throws: FileRefusal("\(scratch.path)/none/keys", .notFound)) {
            try write("one", "\(scratch.path)/none/keys")
        }
    }

    @Test func `a write that fails half way leaves the old bytes and no other file`() throws {
        // /dev/full takes no byte; as root no other disk here is full.
        let full = try OpenFile("/dev/full", O_WRONLY)
        let refusal = FileRefusal("/dev/full", .noRoom)
        var seen: FileRefusal?
        do throws(FileRefusal) {
            try full.write([1, 2, 3].span.bytes)
        } catch {
            seen = error
        }
        #expect(seen == refusal)
    }

    @Test func `a folder is made with those above it, for its owner alone`() throws {
        let scratch = try Scratch()
        let path = "\(scratch.path)/a/b//c/"
        try Files.makeFolder(path)
        try Files.makeFolder(path)
        for part in ["a", "a/b", "a/b/c"] { #expect(mode("\(scratch.path)/\(part)") == 0o700, "\(part)") }
        try write("one", "\(scratch.path)/file")
        #expect(throws: FileRefusal("\(scratch.path)/file", .otherKind)) {
            try Files.makeFolder("\(scratch.path)/file")
        }
        #expect(throws: FileRefusal("\(scratch.path)/file/a", .otherKind)) {
            try Files.makeFolder("\(scratch.path)/file/a")
        }
    }

    @Test func `a folder that is there keeps its mode`() throws {
        let scratch = try Scratch()
        let path = "\(scratch.path)/shared"
        mkdir(path, 0o755)
        chmod(path, 0o755)
        try Files.makeFolder(path)
        #expect(mode(path) == 0o755)
    }

    @Test func `removing twice is no error`() throws {
        let scratch = try Scratch()
        let path = "\(scratch.path)/file"
        try write("one", path)
        try Files.remove(path)
        try Files.remove(path)
        #expect(scratch.names == [])
    }

    @Test(arguments: [
        ("a", "."), ("a/b", "a"), ("/a", "/"), ("/a/b", "/a"), ("/a//b/", "/a"), ("/", "/"), ("a/", "."),
    ])
    func `the folder of a path`(path: String, folder: String) { #expect(Files.folder(of: path) == folder) }
}

@Suite struct FileLockTests {
    private func take(_ path: String) throws -> FileLock? {
        if case .held(let lock) = try FileLock.take(path) { lock } else { nil }
    }

    @Test func `one at a time has a lock, until it is released or forgotten`() throws {
        let scratch = try Scratch()
        let path = "\(scratch.path)/lock"
        var first = try take(path)
        #expect(first != nil)
        #expect(try take(path) == nil)
        first?.release()
        first?.release()
        let second = try take(path)
        #expect(second != nil)
        // The first one's end is not the second one's.
        first = nil
        #expect(try take(path) == nil)
        withExtendedLifetime(second) {}
    }

    @Test func `a lock in a folder that is not there is told`() throws {
        let scratch = try Scratch()
        #expect(throws: FileRefusal("\(scratch.path)/none/lock", .notFound)) {
            try FileLock.take("\(scratch.path)/none/lock")
        }
    }
}
