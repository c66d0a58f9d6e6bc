import Base
import Reactor

/// What the web server keeps per loop: everything that connections of one loop share, so that a connection is small.
final class ServerLoop {
    let loop: EventLoop
    let limits: Limits
    let headLimits: HTTPLimits
    let isSecure: Bool
    let actor: LoopActor
    private let options: WebServerOptions
    private let routes: Routes
    let metrics: WebMetrics
    var isStopping: Bool { loop.isStopping }

    /// Time-outs in nanoseconds, taken from their durations once.
    struct Times {
        let head, idle, bodyIdle, response: Int64

        init(_ limits: Limits.HTTP) {
            head = limits.headTimeout.nanoseconds
            idle = limits.idleTimeout.nanoseconds
            bodyIdle = limits.bodyIdleTimeout.nanoseconds
            response = limits.responseTimeout.nanoseconds
        }
    }
    let times: Times

    /// Exchanges between requests. Each owns the table of its head, so they are worth keeping, but not many.
    private var nextExchange: Exchange?
    private var spareExchanges: [Exchange] = []
    private static let spareExchangesMax = 64

    /// The same of every loop, by index: a socket that moves finds its new one here.
    var siblings: [Sibling] = []
    struct Sibling { unowned let serverLoop: ServerLoop }

    private var date = HTTPDate()
    /// `Date` and the security headers, written once a second.
    private var commonFields = ByteBuffer()
    private var commonFieldsEnd = MonotonicTime(nanoseconds: .min)

    /// Of the connections of this loop, sockets too.
    var unfinished: UnfinishedBytes

    var deflaters = Deflaters()
    var socketLimits = SocketLimits.Memory()
    /// Where compressed messages are gathered and inflated: between events it holds nothing.
    var scratch = ByteBuffer()

    init(loop: EventLoop, options: WebServerOptions, routes: Routes, isSecure: Bool) {
        self.loop = loop
        self.options = options
        self.routes = routes
        self.isSecure = isSecure
        metrics = options.metrics
        limits = options.limits
        times = Times(options.limits.http)
        headLimits = HTTPLimits(options.limits.http)
        unfinished = UnfinishedBytes(options.limits.loop)
        actor = LoopActor(on: loop)
    }

    // MARK: Exchanges

    func takeExchange() -> Exchange {
        if let exchange = nextExchange {
            nextExchange = nil
            return exchange
        }
        return spareExchanges.popLast() ?? Exchange(loop: loop, limits: headLimits, proxies: options.proxies)
    }

    /// Takes an exchange back, unless a handler has kept it.
    func giveBack(_ exchange: inout Exchange) {
        guard isKnownUniquelyReferenced(&exchange) else { return }
        exchange.reset()
        guard nextExchange != nil else { return nextExchange = exchange }
        guard spareExchanges.count < Self.spareExchangesMax else { return }
        spareExchanges.append(exchange)
    }

    // MARK: Dispatch

    func dispatch(_ exchange: Exchange) {
        metrics.requests.add(loop: loop.index)
        switch routes.router.match(exchange.method, exchange.path) {
        case .found(let match):
            exchange.match = match
            run(routes.router.handler(of: match), exchange)
        case .notFound:
            guard let fallback = routes.fallback else { return exchange.respond(.notFound, "not found\n") }
            exchange.match = RouteMatch()
            run(fallback, exchange)
        case .methodNotAllowed(let methods):
            if let fallback = routes.fallback {
                exchange.match = RouteMatch()
                return run(fallback, exchange)
            }
            let allow = HTTPField("Allow", methods.fieldValue)
            exchange.respond(Response(.methodNotAllowed, type: .text, fields: [allow]), bytes: [])
        case .malformedPath:
            exchange.respond(.badRequest, "malformed path\n")
        }
    }

    private func run(_ route: Routes.Route, _ exchange: Exchange) {
        exchange.bodyBytesMax = route.bodyBytesMax ?? limits.http.bodyBytesMax
        switch route.handler {
        case .direct(let handler): handler(exchange)
        case .async(let handler): run(handler, exchange)
        }
    }

    private func run(_ handler: @escaping @Sendable (Exchange) async throws -> Void, _ exchange: Exchange) {
        // The loop is the actor's executor and we are on its thread: the exchange never leaves it.
        nonisolated(unsafe) let exchange = exchange
        nonisolated(unsafe) let server = self
        actor.assumeIsolated { actor in
            _ = Task.immediate {
                do {
                    try await actor.serve(unsafe exchange, by: handler)
                } catch {
                    unsafe server.metrics.faults.add(loop: server.loop.index)
                    unsafe exchange.respond(Response(.internalError, type: .text), bytes: [])
                }
                // A handler that returns without an answer must not leave its peer waiting.
                if unsafe exchange.responseState != .complete { unsafe exchange.abandonUnanswered() }
            }
        }
    }

    // MARK: Fields of every response

    func appendCommonFields(to output: inout ByteBuffer) {
        if loop.now >= commonFieldsEnd { renewCommonFields() }
        output.append(commonFields)
    }

    private func renewCommonFields() {
        let time = loop.kernel.wallTime()
        commonFieldsEnd = loop.now + .nanoseconds(1_000_000_000 - time.nanoseconds % 1_000_000_000)
        commonFields.removeAll()
        commonFields.append("Date: ")
        date.append(time, to: &commonFields)
        commonFields.append("\r\n")
        for field in options.security.fields { append(field) }
        if isSecure, let seconds = options.security.strictTransportSeconds {
            append(HTTPField("Strict-Transport-Security", "max-age=\(seconds); includeSubDomains"))
        }
    }

    private func append(_ field: HTTPField) {
        // A malformed field of the configuration is left out; the start of the server has refused it before.
        try? HTTPWriter.appendField(name: field.name, field.value, to: &commonFields)
    }
}

extension LoopActor {
    func serve(_ exchange: Exchange, by handler: @Sendable (Exchange) async throws -> Void) async throws {
        try await handler(exchange)
    }
}

extension HTTPLimits {
    init(_ limits: Limits.HTTP) {
        self.init(
            targetBytesMax: limits.targetBytesMax,
            headBytesMax: limits.headBytesMax,
            fieldsMax: limits.fieldsMax,
            chunkLineBytesMax: limits.chunkLineBytesMax,
            trailerBytesMax: limits.trailerBytesMax
        )
    }
}

/// The compressors of a loop, made when first used: no connection owns one.
struct Deflaters: ~Copyable {
    private var inflater: Inflater?
    /// By the bits of their window, 8…15.
    private var deflaters: [Box?] = Array(repeating: nil, count: 16)

    private final class Box {
        var deflater: Deflater
        init(_ deflater: consuming Deflater) { self.deflater = deflater }
    }

    /// Inflates a whole message.
    mutating func inflate(_ message: RawSpan, limit: Int, to output: inout ByteBuffer) throws(DeflateRefusal) {
        if inflater == nil { inflater = try Inflater() }
        try inflater?.decompress(message, isLast: true, limit: limit, to: &output)
    }

    /// Compresses a whole message; `false` when it has to be sent as it is.
    mutating func deflate(_ message: RawSpan, windowBits: Int, to output: inout ByteBuffer) -> Bool {
        if deflaters[windowBits] == nil {
            guard let made = try? Deflater(windowBits: windowBits) else { return false }
            deflaters[windowBits] = Box(made)
        }
        guard let box = deflaters[windowBits], box.deflater.accepts(count: message.byteCount) else { return false }
        box.deflater.compress(message, to: &output)
        return true
    }
}
