import Base
import Glibc
import Reactor
import Synchronization
import Testing

@testable import Store

/// What is claimed of servers that are not what they seem: standbys, foreign certificates, silence, carelessness.
@Suite(
    "Store and its PostgreSQL servers",
    .enabled(if: PostgresMachine.isHere, "PostgreSQL's programs are not installed here"),
    .timeLimit(.minutes(10))
)
struct PostgresServersClaims {
    private static func open(
        _ url: String,
        resolver: NameResolver = NameResolver(pool: BlockingPool())
    ) throws -> (server: PostgresServer, engine: PostgresEngine) {
        var limits = Limits()
        limits.postgres.connectTimeout = .seconds(60)
        let server = try PostgresServer(try PostgresAddress(url), limits: limits, resolver: resolver)
        do { return (server, try PostgresEngine(server)) } catch {
            server.stop()
            throw error
        }
    }

    private static func url(_ places: [UInt16]) -> String {
        let hosts = places.map { "127.0.0.1:\($0)" }.joined(separator: ",")
        return "postgres://\(PostgresMachine.user):\(PostgresMachine.escapedPassword)@\(hosts)/postgres?sslmode=disable"
    }

    // MARK: Standbys

    // engine                    primary            standby
    // writes                    has it             has it a little later
    //                           ends
    // tries both in turn                           is promoted
    // goes on where it was
    @Test func `a standby is refused, and found when it is promoted`() throws {
        let machine = try PostgresMachine()
        let gold = try key("gold")
        let (first, writer) = try Self.open(Self.url([machine.port]))
        #expect(try writer.run([.write(Write(gold, .increment(1)))], at: noon).first?.version == 1)
        writer.close()
        first.stop()

        let second = try machine.standby()
        #expect(throws: StoreTrouble.server(.readOnly)) { try Self.open(Self.url([second])) }
        // In any order it is the primary that is used.
        let (server, engine) = try Self.open(Self.url([second, machine.port]))
        defer { server.stop() }
        #expect(try engine.run([.write(Write(gold, .increment(1)))], at: noon).first?.version == 2)
        // A primary that ends in order has given its standby everything.
        try machine.end()
        try machine.promote()
        let answers = try PostgresTroubleClaims.complete([.write(Write(gold, .increment(1)))], on: engine)
        #expect(answers.first?.receipt?.writes.first?.number == 3)
        engine.close()
    }

    // MARK: Certificates

    /// Two authorities; the first one signs the server, as db.invalid.
    private static let certificates = """
        set -e
        make() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "$@"; }
        make -x509 -keyout ca.key -out ca.crt -subj /CN=authority
        make -x509 -keyout other.key -out other.crt -subj /CN=other
        make -keyout server.key -out server.csr -subj /CN=db.invalid
        echo subjectAltName=DNS:db.invalid >names
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt
        chmod 600 server.key
        """

    private static let encrypted = Result {
        try PostgresMachine(
            settings: ["ssl = on", "ssl_cert_file = '../server.crt'", "ssl_key_file = '../server.key'"],
            preparation: certificates
        )
    }

    private static func connect(as host: String, _ mode: String, _ authority: String) throws {
        let machine = try encrypted.get()
        let resolver = NameResolver(pool: BlockingPool()) { _ in .success([.loopback]) }
        let user = "\(PostgresMachine.user):\(PostgresMachine.escapedPassword)"
        let certificate = "\(machine.folder)/\(authority)"
        let (server, engine) = try Self.open(
            "postgres://\(user)@\(host):\(machine.port)/postgres?sslmode=\(mode)&sslrootcert=\(certificate)",
            resolver: resolver
        )
        defer { server.stop() }
        let lane = server.lane(isReader: false)
        let text = "SELECT (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())::int"
        let isEncrypted = try server.ask(lane, { [PostgresCall(plain: text)] }) { $0.first?.number(0, 0) == 1 }
        #expect(isEncrypted)
        engine.close()
    }

    @Test(
        .enabled(if: access("/usr/bin/openssl", X_OK) == 0, "openssl is not here"),
        arguments: [
            ("db.invalid", "verify-full"), ("elsewhere.invalid", "verify-ca"), ("elsewhere.invalid", "require"),
        ]
    )
    func `a server whose certificate is as it was asked for is used`(host: String, mode: String) throws {
        // `require` with a root certificate is as strict as verify-ca: libpq's own rule.
        try Self.connect(as: host, mode, "ca.crt")
    }

    @Test(
        .enabled(if: access("/usr/bin/openssl", X_OK) == 0, "openssl is not here"),
        arguments: [
            ("db.invalid", "verify-full", "other.crt"), ("db.invalid", "verify-ca", "other.crt"),
            ("elsewhere.invalid", "verify-full", "ca.crt"), ("db.invalid", "verify-full", "none.crt"),
        ]
    )
    func `another authority, another name and no authority are told apart`(
        host: String,
        mode: String,
        authority: String
    ) throws {
        do {
            try Self.connect(as: host, mode, authority)
            Issue.record("it was connected")
        } catch StoreTrouble.server(.untrusted) {
            #expect(authority == "other.crt")
        } catch StoreTrouble.server(.wrongName) {
            #expect(host == "elsewhere.invalid")
        } catch StoreTrouble.server(.tls(let words)) {
            #expect(authority == "none.crt" && words.contains("does not exist"), "\(words)")
        }
    }

    // loop                              whoever listens there
    // asks for TLS                      says yes
    // says hello, and waits             says nothing more
    // answers everybody else
    // has waited long enough
    @Test(arguments: ["", "S"]) func `a handshake that never ends stops nobody's loop`(answer: String) throws {
        let silence = try SilentServer(saying: answer)
        var limits = Limits()
        limits.postgres.connectTimeout = .milliseconds(400)
        let address = try PostgresAddress("postgres://ann:x@127.0.0.1:\(silence.port)/game?sslmode=require")
        let server = try PostgresServer(address, limits: limits, resolver: NameResolver(pool: BlockingPool()))
        defer { server.stop() }
        let lane = server.lane(isReader: false)
        let found = Mutex<StoreTrouble?>(nil)
        lane.loop.deliver { _ in
            lane.withConnection { dialled in
                if case .failure(let trouble) = dialled { found.withLock { $0 = trouble } }
            }
        }
        var answered = 0
        while found.withLock({ $0 }) == nil {
            let bell = Bell()
            lane.loop.deliver { _ in bell.ring() }
            try #require(bell.wait(within: .seconds(60)), "the loop stands still")
            answered += 1
        }
        #expect(found.withLock { $0 } == .server(.timedOut))
        #expect(answered > 10)
    }

    // MARK: Carelessness

    @Test func `an operator is told once that his server risks what it acknowledges`() async throws {
        let machine = try PostgresMachine(settings: ["full_page_writes = off", "synchronous_commit = off"])
        let heard = Mutex<[StoreNotice]>([])
        var options = StoreOptions()
        options.notice = { notice in heard.withLock { $0.append(notice) } }
        let store = try Store(.postgres(try machine.address()), options)
        for _ in 0..<3 { _ = try await store.perform(.write(Write(try key("gold"), .increment(1)))) }
        #expect(try await store.document(try key("gold"))?.version == 3)
        store.close()
        #expect(Set(heard.withLock { $0 }) == [.syncsNothing, .tearsPages, .acknowledgesEarly])
        #expect(heard.withLock { $0.count } == 3)
    }

    // MARK: Clocks

    // process 1 (its clock jumps)        process 2 (so does its own)        the server's clock decides
    @Test(arguments: 0..<4 as Range<UInt64>)
    func `clocks that jump give no lock to two processes and take none away`(seed: UInt64) async throws {
        let address = try PostgresClaims.shared()
        let door = try key("door")
        let offsets = [Atomic64(), Atomic64()]
        let stores = try offsets.map { offset in
            var options = StoreOptions()
            options.clock = StoreClock(wall: noon) {
                MonotonicTime(nanoseconds: SystemClock().now().nanoseconds + offset.value)
            }
            return try Store(.postgres(address), options)
        }
        var entropy = SeededEntropy(seed: seed)
        func ask(_ process: Int, _ action: LockCommand.Action) async -> LockReport? {
            // A day in either direction: for the process a lease of an hour is over, or has not begun.
            offsets[process].value = Int64(entropy.uniform(in: -1...1)) * 86_400_000_000_000
            let command = Command.lock(LockCommand(door, owner: owner(UInt128(process + 1)), action))
            return try? await stores[process].perform(command, patience: .seconds(600_000)).lock
        }
        let hour = Duration.seconds(3_600)
        let token = try #require(await ask(0, .acquire(lease: hour, asks: false))).token
        for _ in 0..<20 {
            #expect(await ask(1, .acquire(lease: hour, asks: false)) == nil)
            #expect(await ask(0, .renew(token: token, lease: hour))?.state == .kept)
        }
        let stolen = try #require(await ask(1, .steal(lease: hour)))
        #expect(stolen.state == .stolen(from: owner(1)) && stolen.token == token + 1)
        let fence = Fence(lock: door, token: token, owner: owner(1))
        let late = Command.write(Write(door, .increment(1), fence: fence))
        await #expect(throws: StoreError.self) { try await stores[0].perform(late, patience: .seconds(600_000)) }
        #expect(await ask(0, .renew(token: token, lease: hour)) == nil)
        for store in stores { store.close() }
    }
}

/// A number for two threads.
private final class Atomic64: Sendable {
    private let content = Atomic<Int64>(0)
    var value: Int64 {
        get { content.load(ordering: .relaxed) }
        set { content.store(newValue, ordering: .relaxed) }
    }
}

/// Takes one connection after the other, says the same to each, and nothing more.
private final class SilentServer: Sendable {
    private let listener: Int32
    let port: UInt16

    init(saying words: String) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 8) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        try #require(isBound)
        port = UInt16(bigEndian: address.sin_port)
        self.listener = listener
        Thread(named: "silence") {
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                var request = [UInt8](repeating: 0, count: 8)
                _ = read(connection, &request, 8)
                _ = write(connection, words, words.utf8.count)
                // It stays open, and is not read any more.
            }
        }.detach()
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }
}
