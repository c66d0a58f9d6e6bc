import Base
import Console
import Contracts
import Foundation
import Gateway
import Glibc
import Reactor
import Store
import Testing
import Web
import Wire

@testable import Command
@testable import Gamekeeper

/// A data folder of its own, short enough for a socket, and what operators ask in it.
private final class Site: Sendable {
    let folder: String
    let configuration: Configuration

    init(_ change: (inout Configuration) -> Void = { _ in }) throws {
        var template = Array("/var/tmp/gamekeeper-\(String(repeating: "X", count: 6))".utf8CString)
        folder = String(cString: try #require(mkdtemp(&template)))
        var configuration = Configuration()
        configuration.addresses = [.ip(.loopback, port: 0)]
        configuration.admin = nil
        configuration.data = folder
        configuration.loops = 1
        change(&configuration)
        self.configuration = configuration
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private enum Quiet: Game {
        static let name = "quiet"
        static var contract: Contract<Caller> { Contract<Caller>("quiet", version: "1") {} }
    }

    /// What runs in the folder, with its socket.
    func server() throws -> (assembly: Assembly, socket: StoreSocket) {
        let assembly = try Assembly(configuration, game: Quiet.self, routes: { _, _ in Routes() }, log: .silent)
        return (assembly, try #require(assembly.openStoreSocket()))
    }

    func withServer(_ body: (Assembly) async throws -> Void) async throws {
        let (assembly, socket) = try server()
        assembly.loops.start()
        let result: Result<Void, any Error>
        do { result = .success(try await body(assembly)) } catch { result = .failure(error) }
        assembly.gate?.stop()
        assembly.loops.stop(within: .seconds(5))
        socket.stop()
        assembly.store?.close()
        try result.get()
    }

    /// Runs a command and gives what it writes. Words are parted by two spaces.
    func ask(_ line: String) async throws -> String {
        let words = line.components(separatedBy: "  ")
        let request = try StoreRequest(words, now: SystemClock().wallTime())
        var written = ""
        guard try await StoreCommand.tell(request, configuration, { written += $0 }) else {
            throw ClerkReply.Refusal(.invalid, "not all is well")
        }
        return written
    }

    func refusal(_ line: String) async throws -> ClerkReply.Refusal? {
        do throws(ClerkReply.Refusal) {
            let request = try? StoreRequest(line.components(separatedBy: "  "), now: SystemClock().wallTime())
            guard let request else { return nil }
            _ = try await StoreCommand.tell(request, configuration) { _ in }
            return nil
        } catch {
            return error
        }
    }
}

@Suite("Store command", .timeLimit(.minutes(10))) struct StoreCommandTests {
    /// Everything that can be done with a document, in order.
    private func life(_ site: Site) async throws {
        #expect(try await site.refusal("get  bags/ann")?.reason == .notFound)
        #expect(try await site.ask("put  bags/ann  {\"gold\":1}") == "bags/ann is now version 1\n")
        #expect(try await site.ask("put  bags/ann  {\"gold\":2}") == "bags/ann is now version 2\n")
        #expect(try await site.refusal("put  bags/ann  3  --expect  1")?.reason == .conflict)
        #expect(try await site.refusal("put  bags/ann  3  --expect  absent")?.reason == .conflict)
        let shown = try await site.ask("get  bags/ann")
        #expect(shown.hasPrefix("bags/ann: version 2, updated ") && shown.hasSuffix("{\n  \"gold\": 2\n}\n"))
        #expect(
            try await site.ask("get  bags/ann  --version  1  --json").hasSuffix(
                "\"value\":{\"gold\":1},\"version\":1}\n"
            )
        )
        #expect(try await site.ask("get  bags/ann  --at  0s").contains("version 2"))
        #expect(try await site.refusal("get  bags/ann  --at  1d")?.reason == .notFound)
        #expect(try await site.ask("restore  bags/ann  --version  1") == "bags/ann is now version 3\n")
        #expect(try await site.refusal("restore  bags/ann  --version  9")?.reason == .notFound)
        #expect(try await site.ask("remove  bags/ann") == "bags/ann was removed by version 4\n")
        #expect(try await site.refusal("remove  bags/ann")?.reason == .notFound)
        #expect(
            try await site.ask("versions  bags/ann").split(separator: "\n").map { $0.prefix(1) } == [
                "4", "3", "2", "1",
            ]
        )
        #expect(try await site.ask("put  bags/bo b  1  --scope  eu").hasPrefix("bags/bo b (scope eu) is now version "))
        #expect(try await site.ask("list  bags") == "")
        #expect(try await site.ask("list  bags  --scope  eu  --json").hasPrefix("{\"created\":\""))
        #expect(try await site.ask("locks") == "")
        #expect(try await site.ask("check").hasSuffix("all is well\n"))
        let reserved = try #require(try await site.refusal("get  ~account/ann"))
        #expect(reserved.reason == .invalid && reserved.words.contains("Gamekeeper's own"))
    }

    @Test func `a document lives through a server`() async throws {
        let site = try Site()
        try await site.withServer { _ in try await life(site) }
    }

    @Test func `a document lives without a server`() async throws {
        let site = try Site()
        let nothing = try #require(try await site.refusal("get  bags/ann"))
        #expect(nothing.reason == .notFound && nothing.words.contains("nothing"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: site.folder) == [], "a question makes nothing")
        _ = try StoreSchema.migrate(site.configuration.storePlace)
        try await life(site)
    }

    @Test func `what is in a server's memory is asked of that server`() async throws {
        let site = try Site { $0.store = .memory }
        #expect(try await site.refusal("list  bags")?.reason == .away)
        try await site.withServer { _ in try await life(site) }
    }

    @Test func `a list of many goes on by itself`() async throws {
        let site = try Site { $0.limits.operations.rowsPerPageMax = 7 }
        try await site.withServer { assembly in
            let store = try #require(assembly.store)
            for number in 0..<30 {
                let key = try DocumentKey("bags", "k\(100 + number)")
                _ = try await store.perform(.write(Write(key, .set(try DocumentBody(.int(1))))))
                let lock = LockCommand(
                    key,
                    owner: OwnerID(bits: 7),
                    ownerName: "ann",
                    .acquire(lease: .seconds(60), asks: false)
                )
                _ = try await store.perform(.lock(lock))
                if number % 3 > 0 {
                    _ = try await store.perform(.lock(LockCommand(key, owner: OwnerID(bits: 7), .release(token: 1))))
                }
            }
            for number in 0..<30 {
                let write = Write(try DocumentKey("long", "one"), .set(try DocumentBody(.int(Int64(number)))))
                _ = try await store.perform(.write(write))
            }
            let keys = try await site.ask("list  bags").split(separator: "\n")
            #expect(keys.map { $0.prefix(4) } == (0..<30).map { "k\(100 + $0)" })
            #expect(try await site.ask("list  bags  --prefix  k12").split(separator: "\n").count == 10)
            #expect(try await site.ask("versions  long/one").split(separator: "\n").count == 30)
            #expect(try await site.ask("locks").split(separator: "\n").count == 10)
            #expect(try await site.ask("locks  --json").split(separator: "\n").count == 10)
        }
    }

    @Test func `what a player has locked is refused with his server's name, unless it is stolen`() async throws {
        let site = try Site()
        try await site.withServer { assembly in
            let store = try #require(assembly.store)
            let (bag, ann) = (try DocumentKey("bags", "ann"), OwnerID(bits: 1))
            func lock(_ action: LockCommand.Action) async throws -> Answer {
                try await store.perform(.lock(LockCommand(bag, owner: ann, ownerName: "server \u{1B}7", action)))
            }
            guard case .lock(let report) = try await lock(.acquire(lease: .seconds(600), asks: false)) else { return }
            let fence = Fence(lock: bag, token: report.token, owner: ann)
            let notes = try DocumentNotes(metadata: ["from": "shop"], userIDs: ["ann"])
            _ = try await store.perform(.write(Write(bag, .set(try DocumentBody(.int(1))), fence: fence, notes: notes)))
            for line in ["put  bags/ann  2", "remove  bags/ann", "restore  bags/ann  --version  1"] {
                let refused = try #require(try await site.refusal(line))
                #expect(
                    refused.reason == .locked && refused.words.contains("server") && refused.words.contains("--steal")
                )
            }
            let held = try await site.ask("locks")
            #expect(held.contains("bags/ann") && held.contains("held by server \\u{1b}7"))
            // Nobody loses his lock for what is refused all the same.
            for line in [
                "put  bags/ann  2  --expect  9", "restore  bags/ann  --version  9",
                "put  bags/ann  1  --expect  absent",
            ] {
                #expect(try await site.refusal(line + "  --steal")?.reason != .locked)
            }
            _ = try await store.perform(.write(Write(bag, .set(try DocumentBody(.int(1))), fence: fence, notes: notes)))
            let taken = try await site.ask("put  bags/ann  2  --steal")
            #expect(taken.contains("is now version 3") && taken.contains("taken from server \\u{1b}7"))
            await #expect(throws: StoreError.self) {
                try await store.perform(.write(Write(bag, .increment(1), fence: fence)))
            }
            let kept = try await store.document(bag)
            #expect(kept?.body.value == 2 && kept?.notes == notes, "what is written beside it stays")
            #expect(try await site.ask("locks") == "", "an operator lets go when he is done")
            #expect(try await site.ask("put  bags/ann  3  --steal") == "bags/ann is now version 4\n")
        }
    }

    @Test func `a value that cannot be stored is told`() async throws {
        let site = try Site { $0.limits.store.bodyBytesMax = 1_000 }
        try await site.withServer { _ in
            let long = String(repeating: "x", count: 2_000)
            let refused = try #require(try await site.refusal("put  bags/ann  \"\(long)\""))
            #expect(refused.reason == .invalid && refused.words.contains("1000"))
            let name = try #require(try await site.refusal("put  bags/\(long)  1"))
            #expect(name.words.contains("50 characters"))
        }
    }

    @Test func `a store that is not the server's is not taken for it`() async throws {
        let site = try Site()
        try await site.withServer { _ in
            var other = site.configuration
            other.store = .sqlite(path: site.folder + "/other.db")
            let request = try StoreRequest(["list", "bags"], now: SystemClock().wallTime())
            await #expect(throws: ClerkReply.Refusal.self) { try await StoreCommand.tell(request, other) { _ in } }
            #expect(access(site.folder + "/other.db", F_OK) != 0)
            // Without its folder the server cannot be asked, and its file not be opened.
            other.data = nil
            other.store = site.configuration.storePlace
            do throws(ClerkReply.Refusal) {
                _ = try await StoreCommand.tell(request, other) { _ in }
                Issue.record("a file in use was opened")
            } catch {
                #expect(error.words.contains("another process") && error.words.contains("--data"))
            }
            other.store = .memory
            await #expect(throws: ClerkReply.Refusal.self) { try await StoreCommand.tell(request, other) { _ in } }
        }
    }
}

@Suite("Store socket", .timeLimit(.minutes(10))) struct StoreSocketTests {
    private func mode(_ path: String) -> UInt32? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & (S_IFMT | 0o777) : nil
    }

    private func clerk() throws -> (Store, StoreClerk) {
        let store = try Store(.memory)
        return (store, StoreClerk(store, at: .memory, log: .silent))
    }

    @Test func `nobody but its owner may connect, and it goes with the server`() async throws {
        let site = try Site()
        let path = StoreSocket.path(in: site.folder)
        try await site.withServer { _ in #expect(mode(path) == S_IFSOCK | 0o600) }
        #expect(mode(path) == nil)
    }

    @Test func `a socket that a dead server has left is replaced`() async throws {
        let site = try Site()
        let path = StoreSocket.path(in: site.folder)
        let left = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(left, $0, size) == 0 }
        }
        close(left)
        #expect(isBound && mode(path) != nil)
        // Nobody answers there, so the store is opened here.
        _ = try StoreSchema.migrate(site.configuration.storePlace)
        #expect(try await site.ask("list  bags") == "")
        try await site.withServer { _ in
            let answer = try await site.ask("put  bags/ann  1")
            #expect(answer == "bags/ann is now version 1\n")
        }
    }

    @Test func `the socket of a living server is never taken`() async throws {
        let site = try Site()
        let (store, clerk) = try clerk()
        try await site.withServer { _ in
            #expect(throws: StoreSocket.Refusal.inUse(StoreSocket.path(in: site.folder))) {
                try StoreSocket(in: site.folder, clerk)
            }
            let answer = try await site.ask("put  bags/ann  1")
            #expect(answer == "bags/ann is now version 1\n")
        }
        let next = try StoreSocket(in: site.folder, clerk)
        next.stop()
        store.close()
    }

    @Test func `what is no socket is left alone`() throws {
        let site = try Site()
        let (store, clerk) = try clerk()
        let path = StoreSocket.path(in: site.folder)
        try Files.replace(path, with: Array("precious".utf8).span.bytes)
        #expect(throws: StoreSocket.Refusal.file(FileRefusal(path, .otherKind))) {
            try StoreSocket(in: site.folder, clerk)
        }
        #expect(try Files.read(path, bytesMax: 100).array() == Array("precious".utf8))
        store.close()
    }

    @Test func `a path that is too long is told, and the game goes on without`() async throws {
        let long = try Site()
        let folder = long.folder + "/" + String(repeating: "x", count: 100)
        let (store, clerk) = try clerk()
        do throws(StoreSocket.Refusal) {
            _ = try StoreSocket(in: folder, clerk)
            Issue.record("it listens")
        } catch {
            #expect(error.words.contains("107") && error.words.contains("\(StoreSocket.path(in: folder).utf8.count)"))
        }
        store.close()
        var configuration = long.configuration
        configuration.data = folder
        let request = try StoreRequest(["locks"], now: SystemClock().wallTime())
        do throws(ClerkReply.Refusal) {
            _ = try await StoreCommand.tell(request, configuration) { _ in }
            Issue.record("it was asked")
        } catch {
            #expect(error.words.contains("107"))
        }
    }

    @Test func `what is no errand is refused, and so is one that is too large`() async throws {
        let site = try Site {
            $0.limits.operations.storeMessageBytesMax = 1_000
            $0.limits.store.bodyBytesMax = 100
        }
        try await site.withServer { _ in
            let loops = try EventLoopGroup(count: 1)
            var options = WebClientOptions.patient
            options.address = try StoreSocket.address(in: site.folder)
            let web = try WebClient(on: loops, options)
            loops.start()
            let url = try WebURL("http://localhost/v1/store")
            func status(_ body: String) async throws -> Int {
                let fields = [HTTPField("Content-Type", "application/json")]
                let request = ClientRequest(.post, url, fields: fields, body: .bytes(Array(body.utf8)), timeout: nil)
                return try await web.send(request).status.rawValue
            }
            #expect(try await status("{\"do\":\"place\"}") == 200)
            for body in ["", "{}", "{\"do\":\"dance\"}", "[]", "{\"do\":\"get\"}", "{\"do\":\"put\",\"expect\":true}"] {
                #expect(try await status(body) == 400, "\(body)")
            }
            #expect(try await status("{\"do\":\"put\",\"value\":\"\(String(repeating: "x", count: 2_000))\"}") == 413)
            loops.stop(within: .seconds(1))
        }
    }
}

@Suite("Migrate command") struct MigrateCommandTests {
    @Test func `it tells what it would do, does it, and has nothing more to do`() throws {
        let site = try Site()
        func run(isDry: Bool) -> (code: Int32, text: String) {
            var text = ""
            let status = MigrateCommand.run(site.configuration, isDry: isDry) { text += $0 }
            return (status.code, text)
        }
        let dry = run(isDry: true)
        #expect(dry.code == 0 && dry.text.contains("would make migration 1") && dry.text.contains("CREATE TABLE head"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: site.folder) == [])
        let done = run(isDry: false)
        #expect(done.code == 0 && done.text.contains("made migration 1"))
        #expect(
            run(isDry: true).text.hasSuffix("nothing to do\n") && run(isDry: false).text.hasSuffix("nothing to do\n")
        )
    }

    @Test func `a store in use is left alone`() async throws {
        let site = try Site()
        try await site.withServer { _ in
            #expect(MigrateCommand.run(site.configuration, isDry: true) { _ in }.code == 1)
            #expect(MigrateCommand.run(site.configuration, isDry: false) { _ in }.code == 1)
        }
    }

    @Test func `in memory there is nothing to migrate`() throws {
        let site = try Site { $0.store = .memory }
        #expect(MigrateCommand.run(site.configuration, isDry: false) { _ in }.code == 0)
    }
}
