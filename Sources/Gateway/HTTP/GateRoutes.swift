import Base
import Contracts
import Reactor
public import Web
import Wire

extension Gate {
    /// Adds everything that players reach: the socket, calls over HTTP, tickets and keys.
    public func addRoutes(to routes: inout Routes, origins: OriginPolicy = .sameOrigin) {
        let options = WebSocketOptions(
            limits: limits.webSocket,
            protocols: EnvelopeDialect.protocols,
            origins: origins
        )
        routes.get("/v1/connect") { [self] exchange in connect(exchange, options) }
        routes.post("/v1/rpc/{method}") { [self] exchange in
            exchange.onWholeBody { HTTPVisitor(self.desk(on: $0.loop), $0).call() }
        }
        routes.post("/v1/tickets") { [self] exchange in
            exchange.onWholeBody { HTTPVisitor(self.desk(on: $0.loop), $0).ticket() }
        }
        let openAPI = Array(Export(contract.description).openAPI.utf8)
        routes.get("/v1/openapi.json") { exchange in
            exchange.respond(Response(.ok, type: .json), body: unsafe openAPI.span.bytes)
        }
        routes.get("/v1/jwks.json") { [self] exchange in
            let response = Response(.ok, type: .json, fields: [HTTPField("Cache-Control", "max-age=300")])
            exchange.respond(response, body: identity.jwks().bytes)
        }
    }

    // MARK: The socket

    private func connect(_ exchange: Exchange, _ options: WebSocketOptions) {
        let desk = desk(on: exchange.loop)
        let peer = IPAddress(exchange.clientAddress)
        if let peer, desk.bans.ban(of: peer, at: exchange.loop.kernel.wallTime()) != nil {
            return Problem.respond(exchange, Refusal(.permissionDenied, "this address may not connect"))
        }
        let proven: Identity?
        do throws(IdentityRefusal) {
            proven = try credential(of: exchange)
        } catch {
            return Problem.respond(exchange, Refusal(error.code, error.message))
        }
        // Which sub-protocol is agreed on is known once the socket stands, so a small go-between waits for it.
        exchange.upgrade(options, to: Greeter(desk, peer: peer, proven: proven))
    }

    /// Who somebody is by what he brings: a token in the head, or a ticket, which is good once.
    private func credential(of exchange: Exchange) throws(IdentityRefusal) -> Identity? {
        let now = exchange.loop.kernel.wallTime()
        if let token = exchange.text(of: .authorization) {
            return try identity(ofBearer: token, loop: exchange.loop, at: now)
        }
        guard let ticket = QueryIterator.value(of: "ticket", in: exchange.query) else { return nil }
        let bytes = Array(ticket.utf8)
        return try unsafe identity.redeem(ticket: bytes.span.bytes, at: now)
    }

    /// Reads `Authorization: Bearer …`.
    func identity(ofBearer field: String, loop: EventLoop, at now: WallTime) throws(IdentityRefusal) -> Identity {
        let scheme = "bearer "
        guard field.utf8.count > scheme.utf8.count, field.prefix(scheme.count).lowercased() == scheme else {
            throw .unknown
        }
        let bytes = Array(field.utf8.dropFirst(scheme.utf8.count))
        return try unsafe identity.verify(access: bytes.span.bytes, loop: loop.index, at: now)
    }
}

/// Waits for the socket to stand, and then makes way for the connection that speaks what was agreed on.
private final class Greeter: WebSocketHandler {
    private let desk: GateLoop
    private let peer: IPAddress?
    private let proven: Identity?

    init(_ desk: GateLoop, peer: IPAddress?, proven: Identity?) {
        self.desk = desk
        self.peer = peer
        self.proven = proven
    }

    func opened(_ socket: WebSocket) {
        let dialect = EnvelopeDialect.of(EnvelopeDialect.format(ofProtocol: socket.protocolIndex))
        let connection = EnvelopeConnection(dialect, on: desk, peer: peer, proven: proven)
        socket.setHandler(connection)
        connection.opened(socket)
    }

    func received(_ message: RawSpan, as kind: WebSocketKind, on socket: WebSocket) {
        // The handler was changed before anything could come.
    }
}
