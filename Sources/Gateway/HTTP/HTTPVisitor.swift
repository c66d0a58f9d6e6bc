import Base
import Contracts
import Reactor
import Web
import Wire

/// One request at the door: a call, or the wish for a ticket. It has no session, so nothing can be sent to it later.
final class HTTPVisitor: Visitor {
    let exchange: Exchange
    private var called: CompiledCall<Caller>?

    /// Whether the body is in a format that we read.
    private let isReadable: Bool

    init(_ desk: GateLoop, _ exchange: Exchange) {
        self.exchange = exchange
        let format = Self.format(of: exchange)
        isReadable = format != nil
        super.init(desk, peer: IPAddress(exchange.clientAddress), format ?? .json)
    }

    // MARK: Calls

    /// Answers `POST /v1/rpc/{method}`.
    func call() {
        guard isReadable else {
            return Problem.respond(exchange, HTTPStatus(rawValue: 415), "the body's Content-Type is none that we read")
        }
        guard isAllowed(), authenticate() else { return }
        let reply = HTTPReply(self, format)
        let names = HTTPCallTexts(exchange)
        var deadline: Int64?
        if let text = names.deadline {
            guard let milliseconds = Int64(text), milliseconds >= 0 else {
                return reply.refuse(Refusal(.invalidArgument, "Gamekeeper-Deadline-Ms is a number of milliseconds"))
            }
            deadline = milliseconds
        }
        exchange.onCancel { [weak self] in self?.cancelCalls() }
        call(names, deadline, reply)
    }

    private func call(_ names: HTTPCallTexts, _ deadline: Int64?, _ reply: HTTPReply) {
        let exchange = exchange
        let method = names.method
        called = unsafe desk.gate.contract.call(named: method.span.bytes)
        let hasKey = names.key != nil
        let key = names.key ?? []
        let methodBytes = unsafe method.span.bytes
        let keyBytes = unsafe key.span.bytes
        let body = exchange.bodyBytes
        var incoming = IncomingCall(method: methodBytes, params: body, key: hasKey ? keyBytes : nil)
        incoming.trace = names.trace
        incoming.deadlineMilliseconds = deadline
        take(incoming, reply)
    }

    /// The format of the body and so of the answer; nil for none of ours. JSON where nothing is said.
    private static func format(of exchange: Exchange) -> WireFormat? {
        guard let type = exchange.text(of: .contentType) else { return .json }
        let name = type.prefix { $0 != ";" }.lowercased().trimmed
        switch name {
        case "application/json", "": return .json
        case "application/msgpack", "application/x-msgpack", "application/vnd.msgpack": return .messagePack
        case "application/cbor": return .cbor
        case "application/protobuf", "application/x-protobuf": return .protobuf
        default: return nil
        }
    }

    private func isAllowed() -> Bool {
        guard let peer = IPAddress(exchange.clientAddress),
            desk.bans.ban(of: peer, at: desk.loop.kernel.wallTime()) != nil
        else { return true }
        Problem.respond(exchange, Refusal(.permissionDenied, "this address may not connect"))
        return false
    }

    /// Finds out who it is, where the request says so. A request without a token may still make public calls.
    private func authenticate() -> Bool {
        guard let field = exchange.text(of: .authorization) else { return true }
        do throws(Refusal) {
            identify(try desk.identity(ofBearer: field, unsafe payer.address))
            return true
        } catch {
            Problem.respond(exchange, error)
            return false
        }
    }

    // MARK: Tickets

    /// Answers `POST /v1/tickets`: a browser can't send a token with its upgrade, and none should stand in an address.
    func ticket() {
        guard isAllowed(), authenticate() else { return }
        guard let identity else { return Problem.respond(exchange, Denial(.unauthenticated).refusal) }
        let verdict = unsafe desk.desk.spend(ticketFor: payer, at: desk.loop.now)
        guard verdict.isAllowed else {
            return Problem.respond(exchange, Denial(.rateLimited, wait: verdict.retryAfterMilliseconds).refusal)
        }
        do throws(IdentityRefusal) {
            let ticket = try desk.gate.identity.issueTicket(for: identity, at: desk.loop.kernel.wallTime())
            var body = ByteBuffer()
            body.append(#"{"ticket":""#)
            body.append(utf8: ticket.text)
            body.append(#"","expires_ms":"#)
            body.append(decimal: Int(ticket.expires.milliseconds))
            body.append("}")
            let fields = [HTTPField("Cache-Control", "no-store")]
            exchange.respond(Response(.ok, type: .json, fields: fields), body: body.bytes)
        } catch {
            Problem.respond(exchange, Refusal(error.code, error.message))
        }
    }

    // MARK: Fields

    /// What the answer says beside its body: how much more of this the caller may do.
    func fields() -> [HTTPField] {
        var fields = [HTTPField("Cache-Control", "no-store")]
        guard let called else { return fields }
        let reading = unsafe desk.gate.plan.reading(call: called.index, by: payer, at: desk.loop.now)
        var text = ByteBuffer()
        reading.appendPolicy(to: &text)
        fields.append(HTTPField("RateLimit-Policy", String(decoding: text.array(), as: UTF8.self)))
        text.removeAll()
        reading.appendState(to: &text)
        fields.append(HTTPField("RateLimit", String(decoding: text.array(), as: UTF8.self)))
        return fields
    }

    /// Whether the call has a result to show.
    var hasResult: Bool { called?.description.result != nil }
}

/// The response to a call.
struct HTTPReply: CallReply {
    let visitor: HTTPVisitor
    let format: WireFormat
    let isAwaited = true

    init(_ visitor: HTTPVisitor, _ format: WireFormat) {
        self.visitor = visitor
        self.format = format
    }

    func begin(_ output: inout ByteBuffer) -> Int { 0 }

    func end(_ mark: Int, _ output: inout ByteBuffer) {
        let fields = visitor.fields()
        guard visitor.hasResult else {
            return visitor.exchange.respond(Response(.noContent, fields: fields))
        }
        visitor.exchange.respond(Response(.ok, type: mediaType, fields: fields), body: output.bytes)
    }

    func refuse(_ denial: Denial) { refuse(denial.refusal) }

    func refuse(_ refusal: Refusal) { Problem.respond(visitor.exchange, refusal, fields: visitor.fields()) }

    func fail() {}

    private var mediaType: MediaType {
        switch format {
        case .json: .json
        case .messagePack: MediaType("application/msgpack")
        case .cbor: MediaType("application/cbor")
        case .protobuf: MediaType("application/protobuf")
        }
    }
}

/// What the head of a request says about its call.
private struct HTTPCallTexts {
    let method: [UInt8]
    let key: [UInt8]?
    let trace: TraceContext?
    let deadline: String?

    init(_ exchange: Exchange) {
        method = Array((exchange.parameter(0) ?? "").utf8)
        key = exchange.text(named: "idempotency-key").map { Array($0.utf8) }
        deadline = exchange.text(named: "gamekeeper-deadline-ms")
        trace = exchange.traceOrigin.caller
    }
}

extension String {
    /// Without spaces around it.
    fileprivate var trimmed: String {
        var rest = self[...]
        while rest.first == " " { rest.removeFirst() }
        while rest.last == " " { rest.removeLast() }
        return String(rest)
    }
}
