public import Base
import Synchronization

/// How long a caller waits, and who tells when the time is up: whoever owns a clock, mostly the caller's loop.
public struct Patience: Sendable {
    /// Runs a closure once, when the time has passed; at once when it can set no timer.
    public typealias Schedule = @Sendable (Duration, @escaping @Sendable () -> Void) -> Void

    let time: Duration
    let schedule: Schedule

    /// Waits for so long by this clock.
    public init(_ time: Duration, scheduleTimeout: @escaping Schedule) {
        self.time = time
        schedule = scheduleTimeout
    }
}

/// Finds the addresses of names, on a pool's threads and with a time-out.
///
/// The system's call can be neither bounded nor cancelled. So when a caller's time is up he gets `timedOut`, while the
/// call keeps its thread for as long as it wants. At most `resolutionsMax` threads are given to names; other work of
/// the
/// pool goes on beside a name server that never answers. Callers who ask for one name at a time share one call. Names
/// and callers are bounded; beyond that they are refused with `busy`.
public final class NameResolver: Sendable {
    /// The call that may block.
    public typealias Lookup = @Sendable (_ name: String) -> Result<[IPAddress], ResolveError>
    /// What a caller is told.
    public typealias Answer = Result<[SocketAddress], ResolveError>

    private let pool: BlockingPool
    private let lookup: Lookup
    private let callsMax: Int
    private let table = Mutex(LookupTable())

    /// A resolver on a pool.
    ///
    /// - Parameters:
    ///   - pool: whose threads it uses.
    ///   - limits: of which `resolutionsMax` counts: below the pool's threads, so that some are left for others.
    ///   - lookup: the call that may block; a test gives one that never returns.
    public init(
        pool: BlockingPool,
        limits: Limits.Blocking = Limits.Blocking(),
        lookup: @escaping Lookup = { NameResolver.askSystem($0) }
    ) {
        precondition(limits.resolutionsMax > 0, "a resolver needs a thread")
        self.pool = pool
        self.lookup = lookup
        callsMax = limits.resolutionsMax
    }

    /// Finds the addresses of a host: a name, or the text of an address, which is answered at once and without a
    /// thread.
    ///
    /// - Parameters:
    ///   - host: a name, `192.0.2.1`, `2001:db8::1` or `[2001:db8::1]`.
    ///   - port: the port of the addresses in the answer.
    ///   - patience: how long to wait.
    ///   - answer: called exactly once, on any thread: before this returns, on one of the pool or on the clock's.
    public func resolve(
        _ host: String,
        port: UInt16,
        patience: Patience,
        answer: @escaping @Sendable (Answer) -> Void
    ) {
        // Brackets are IPv6 and nothing else, as in `SocketAddress`.
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]") && host.contains(":")
        if let address = IPAddress(isBracketed ? host.dropFirst().dropLast() : Substring(host)) {
            return answer(.success([.ip(address, port: port)]))
        }
        guard let name = Self.canonical(host) else { return answer(.failure(.malformedName)) }
        let entered = table.withLock { $0.enter(name, LookupTable.Caller(port: port, answer: answer)) }
        guard let number = entered else { return answer(.failure(.busy)) }
        startCalls()
        patience.schedule(patience.time) { [self] in
            table.withLock { $0.leave(name, number) }?.answer(.failure(.timedOut))
        }
    }

    /// Finds the addresses of a host, as above, and waits without blocking the thread.
    ///
    /// - Throws: `ResolveError`, at the latest when the patience ends.
    public func resolve(_ host: String, port: UInt16, patience: Patience) async throws(ResolveError) -> [SocketAddress]
    {
        let answer = await withCheckedContinuation { continuation in
            resolve(host, port: port, patience: patience) { continuation.resume(returning: $0) }
        }
        return try answer.get()
    }

    /// How many names are in the table, how many of them are being asked for, and how many callers wait.
    var occupancy: (names: Int, calls: Int, callers: Int) {
        table.withLock { ($0.nameCount, $0.callCount, $0.callerCount) }
    }

    // MARK: Calls

    /// Gives names to threads as long as both are there.
    private func startCalls() {
        while let name = table.withLock({ $0.beginNext(callsMax: callsMax) }) {
            do throws(BlockingPoolFull) {
                try pool.submit { [self] in
                    settle(name, lookup(name))
                    startCalls()
                } ifDropped: { [self] in
                    settle(name, .failure(.stopped))
                    startCalls()
                }
            } catch {
                settle(name, .failure(error.isStopped ? .stopped : .busy))
            }
        }
    }

    /// Tells everybody who still waits for a name.
    private func settle(_ name: String, _ outcome: Result<[IPAddress], ResolveError>) {
        let callers = table.withLock { $0.end(name) }
        let found = outcome.flatMap { $0.isEmpty ? .failure(.noSuchName) : .success($0) }
        for caller in callers {
            caller.answer(found.map { $0.map { .ip($0, port: caller.port) } })
        }
    }
}

extension NameResolver {
    /// The form under which a name is looked up and shared, or `nil` where no name is written like this.
    ///
    /// A last label that is a number is refused: the system would read `127.1` and `0x7f.1` as addresses, past every
    /// check that looked for one.
    static func canonical(_ host: String) -> String? {
        var bytes: [UInt8] = []
        for byte in host.utf8 {
            guard bytes.count <= 254 else { return nil }
            bytes.append((65...90).contains(byte) ? byte | 0x20 : byte)
        }
        let dot = UInt8(ascii: ".")
        let relative = bytes.last == dot ? bytes.dropLast() : bytes[...]
        let labels = relative.split(separator: dot, omittingEmptySubsequences: false)
        guard (1...253).contains(relative.count), labels.allSatisfy(isLabel), let last = labels.last else { return nil }
        let isNumber = last.allSatisfy { (48...57).contains($0) } || last.starts(with: "0x".utf8)
        return isNumber ? nil : String(decoding: bytes, as: UTF8.self)
    }

    private static func isLabel(_ label: ArraySlice<UInt8>) -> Bool {
        let hyphen = UInt8(ascii: "-")
        let underscore = UInt8(ascii: "_")
        return (1...63).contains(label.count) && label.first != hyphen && label.last != hyphen
            && label.allSatisfy {
                (97...122).contains($0) || (48...57).contains($0) || $0 == hyphen || $0 == underscore
            }
    }
}
