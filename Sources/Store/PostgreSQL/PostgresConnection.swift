import Base
import CPostgres
import Reactor

/// One connection to a server, in pipeline mode, on one loop: libpq speaks the protocol, the loop says when.
///
/// Nothing here waits. What is sent is an *exchange*: some statements and a mark behind them, answered together. Further
/// exchanges may be sent before the first is answered. One that is not answered in time ends the connection, and so does
/// everything after which nobody knows how far the server has come.
///
/// Proof of `@safe`: the handle is used until `end` or `deinit` gives it back, whichever is first, and `ended` stands
/// between; bytes are copied by libpq before a call returns.
@safe final class PostgresConnection {
    typealias Answer = Result<[PostgresRows], PostgresFailure>

    let loop: EventLoop
    private let handle: OpaquePointer
    private var watch: LoopWatch?
    private var interest: Interest = []
    private var prepared: Set<String> = []
    private var underWay: [Exchange] = []
    private var timer: LoopTimer?
    private(set) var ended: StoreTrouble?
    /// Hears of the end when no exchange is under way, too.
    var whenEnded: (StoreTrouble) -> Void = { _ in }
    private var dialling: ((StoreTrouble?) -> Void)?

    private struct Exchange {
        /// What each result will be about: a preparation by its name, or a statement.
        var expected: [String?]
        var next = 0
        var hasResult = false
        var rows: [PostgresRows] = []
        var failure: PostgresFailure?
        let deadline: MonotonicTime
        let then: (Answer) -> Void
    }

    /// The server's number for its process, by which it can be ended.
    var process: Int64 { ended == nil ? unsafe Int64(PQbackendPID(handle)) : 0 }

    private init(_ handle: OpaquePointer, _ loop: EventLoop) {
        unsafe self.handle = unsafe handle
        self.loop = loop
        // libpq would write what the server remarks to standard error.
        unsafe PQsetNoticeProcessor(handle, { _, _ in }, nil)
        // The five letters alone, in no language: until a result can be asked for them.
        unsafe PQsetErrorVerbosity(handle, PQERRORS_SQLSTATE)
    }

    deinit { if ended == nil { unsafe PQfinish(handle) } }

    // MARK: Connecting

    /// Connects to an address; the host's name is there for certificates and is never looked up.
    static func dial(
        _ text: String,
        on loop: EventLoop,
        timeout: Duration,
        _ then: @escaping (Result<PostgresConnection, StoreTrouble>) -> Void
    ) {
        guard let handle = unsafe PQconnectStart(text) else { return then(.failure(.noMemory)) }
        let connection = unsafe PostgresConnection(handle, loop)
        connection.dialling = { trouble in then(trouble.map { .failure($0) } ?? .success(connection)) }
        guard unsafe PQstatus(handle) != CONNECTION_BAD else { return connection.end(connection.dialTrouble) }
        connection.setTimer(loop.now + timeout)
        connection.listen(for: .write)
    }

    /// libpq may have closed its socket and opened another one, perhaps with the same number: watched anew each time.
    private func goOnDialling() {
        if let watch { loop.unwatch(watch) }
        watch = nil
        switch unsafe PQconnectPoll(handle) {
        case PGRES_POLLING_READING: listen(for: .read)
        case PGRES_POLLING_WRITING: listen(for: .write)
        case PGRES_POLLING_OK: connected()
        default: end(dialTrouble)
        }
    }

    private func connected() {
        if let timer { loop.cancel(timer) }
        timer = nil
        guard unsafe PQsetnonblocking(handle, 1) == 0, unsafe PQenterPipelineMode(handle) == 1 else {
            return end(.server(.lost))
        }
        let version = unsafe Int(PQserverVersion(handle))
        guard version >= 130_000 else { return end(.server(.oldServer(version: version))) }
        listen(for: .read)
        let dialled = dialling
        dialling = nil
        if ended == nil { dialled?(nil) }
    }

    private var dialTrouble: StoreTrouble {
        unsafe StoreTrouble(dialling: PQerrorMessage(handle).map { unsafe String(cString: $0) } ?? "")
    }

    // MARK: Exchanges

    /// Sends statements and hears of all of them together. The first that fails undoes the transaction that it is in, and
    /// the others are not run.
    func send(_ calls: [PostgresCall], timeout: Duration, _ then: @escaping (Answer) -> Void) {
        if let ended { return then(.failure(.gone(ended))) }
        var exchange = Exchange(expected: [], deadline: loop.now + timeout, then: then)
        var isSent = true
        for call in calls where isSent {
            switch call.words {
            case .plain(let text):
                isSent = unsafe PQsendQueryParams(handle, text, 0, nil, nil, nil, nil, 1) == 1
            case .prepared(let statement):
                if prepared.insert(statement.name).inserted {
                    exchange.expected.append(statement.name)
                    isSent = prepare(statement)
                }
                isSent = isSent && run(statement, call)
            }
            exchange.expected.append(nil)
        }
        isSent = unsafe isSent && PQpipelineSync(handle) == 1
        underWay.append(exchange)
        guard isSent else { return end(.server(.lost)) }
        if underWay.count == 1 { setTimer(exchange.deadline) }
        flush()
    }

    private func prepare(_ statement: PostgresStatement) -> Bool {
        let types = statement.types.map(\.rawValue)
        return unsafe PQsendPrepare(handle, statement.name, statement.text, Int32(types.count), types) == 1
    }

    private func run(_ statement: PostgresStatement, _ call: PostgresCall) -> Bool {
        let lengths = call.places.map { Int32(truncatingIfNeeded: $0?.count ?? 0) }
        let formats = [Int32](repeating: 1, count: call.places.count)
        // There must be an address also where a parameter is empty: no address is NULL.
        let bytes = call.bytes.isEmpty ? [0] : call.bytes
        return unsafe bytes.withUnsafeBytes { memory in
            let values = unsafe call.places.map { place in
                unsafe place.flatMap { unsafe memory.baseAddress?.advanced(by: $0.lowerBound) }?
                    .assumingMemoryBound(to: CChar.self)
            }
            return unsafe PQsendQueryPrepared(
                handle,
                statement.name,
                Int32(values.count),
                values,
                lengths,
                formats,
                1
            ) == 1
        }
    }

    // MARK: What the loop says

    private func listen(for interest: Interest) {
        let number = unsafe PQsocket(handle)
        guard number >= 0 else { return end(.server(.lost)) }
        self.interest = interest
        do throws(KernelError) {
            watch = try loop.watch(Descriptor(number: number), for: interest) { [self] _ in ready() }
        } catch {
            end(.server(.unreachable("\(error)")))
        }
    }

    private func ready() {
        if dialling != nil { return goOnDialling() }
        let isWhole = unsafe PQconsumeInput(handle) == 1
        collect()
        guard ended == nil else { return }
        guard isWhole, unsafe PQstatus(handle) == CONNECTION_OK else { return end(lastWords ?? .server(.lost)) }
        flush()
    }

    /// What the server said before it hung up.
    private var lastWords: StoreTrouble? {
        if case .refused(let state, let words)? = underWay.first?.failure { state.trouble(words) } else { nil }
    }

    private func flush() {
        let left = unsafe PQflush(handle)
        guard left >= 0 else { return end(.server(.lost)) }
        let wanted: Interest = left == 0 ? .read : [.read, .write]
        guard wanted != interest, let watch else { return }
        interest = wanted
        loop.change(watch, to: wanted)
    }

    /// Takes in every result that is whole.
    private func collect() {
        while ended == nil, !underWay.isEmpty, unsafe PQisBusy(handle) == 0 {
            guard let result = unsafe PQgetResult(handle) else {
                // The end of one statement's results. Two of them in a row end nothing: more has to come first.
                guard underWay[0].hasResult else { return }
                underWay[0].hasResult = false
                underWay[0].next += 1
                continue
            }
            unsafe take(result)
        }
    }

    private func take(_ result: OpaquePointer) {
        let place = underWay[0].next
        let expected = underWay[0].expected
        let preparation = place < expected.count ? expected[place] : nil
        underWay[0].hasResult = true
        switch unsafe PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
            let rows = unsafe PostgresRows(result)
            if preparation == nil { underWay[0].rows.append(rows) }
        case PGRES_PIPELINE_SYNC:
            unsafe PQclear(result)
            answerFirst()
        case PGRES_PIPELINE_ABORTED:
            unsafe PQclear(result)
            if let preparation { prepared.remove(preparation) }
        default:
            let failure = unsafe Self.failure(of: result)
            unsafe PQclear(result)
            if let preparation { prepared.remove(preparation) }
            if underWay[0].failure == nil { underWay[0].failure = failure }
        }
    }

    private static func failure(of result: OpaquePointer) -> PostgresFailure {
        func field(_ letter: Unicode.Scalar) -> String? {
            unsafe PQresultErrorField(result, Int32(letter.value)).map { unsafe String(cString: $0) }
        }
        // Without a state it is libpq that speaks: the connection has broken.
        guard let state = field("C") else { return .gone(.server(.lost)) }
        return .refused(SQLState(text: state), words: field("M") ?? "")
    }

    private func answerFirst() {
        let exchange = underWay.removeFirst()
        if let timer { loop.cancel(timer) }
        timer = nil
        if let next = underWay.first { setTimer(next.deadline) }
        if let failure = exchange.failure {
            exchange.then(.failure(failure))
        } else {
            exchange.then(.success(exchange.rows))
        }
    }

    private func setTimer(_ moment: MonotonicTime) {
        timer = loop.schedule(at: moment) { [self] in
            timer = nil
            end(.server(.timedOut))
        }
    }

    // MARK: Ending

    /// Closes the connection. Whoever waits for an answer hears of it.
    func end(_ trouble: StoreTrouble) {
        guard ended == nil else { return }
        ended = trouble
        if let watch { loop.unwatch(watch) }
        if let timer { loop.cancel(timer) }
        (watch, timer) = (nil, nil)
        unsafe PQfinish(handle)
        let (exchanges, dialled, told) = (underWay, dialling, whenEnded)
        (underWay, dialling, whenEnded) = ([], nil, { _ in })
        dialled?(trouble)
        told(trouble)
        for exchange in exchanges { exchange.then(.failure(.gone(trouble))) }
    }
}

extension StoreTrouble {
    /// Reads libpq's words about a connection that was not made. Where the server has spoken, they end with its five
    /// letters (`FATAL:  28P01`); else they are libpq's own, in English, because nobody has told it another language.
    init(dialling words: String) {
        let lines = words.split(separator: "\n")
        let text = lines.first.map(String.init) ?? words
        if let state = lines.lazy.compactMap({ Self.state(in: $0) }).last {
            self = state.trouble("it refuses the connection")
        } else if text.contains("no password supplied") {
            self = .server(.wrongPassword)
        } else if text.contains("certificate verify failed") {
            self = .server(.untrusted(text))
        } else if text.contains("does not match host name") {
            self = .server(.wrongName(text))
        } else if ["SSL", "certificate"].contains(where: { text.contains($0) }) {
            self = .server(.tls(text))
        } else {
            self = .server(.unreachable(text))
        }
    }

    private static func state(in text: Substring) -> SQLState? {
        guard let letters = text.split(separator: " ").last, letters.utf8.count == 5,
            text.contains("FATAL:") || text.contains("ERROR:"),
            letters.utf8.allSatisfy({ (48...57).contains($0) || (65...90).contains($0) })
        else { return nil }
        return SQLState(text: String(letters))
    }
}
