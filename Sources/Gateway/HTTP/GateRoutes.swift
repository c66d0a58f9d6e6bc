import Base
import Contracts
import Reactor
public import Web
import Wire

extension Gate {
    /// Adds everything that players reach: the socket, calls over HTTP, tickets and keys.
    public func addRoutes(to routes: inout Routes, origins: OriginPolicy = .sameOrigin) {
        addSocket(EnvelopeDialect.self, at: "/v1/connect", to: &routes, origins: origins)
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

    /// Adds a socket that speaks a dialect. Several may stand beside each other, on one listener or on listeners of their
    /// own: players, sessions and budgets are the same.
    func addSocket<D: Dialect>(
        _ dialect: D.Type,
        at path: String,
        to routes: inout Routes,
        origins: OriginPolicy = .sameOrigin
    ) {
        let options = WebSocketOptions(limits: limits.webSocket, protocols: D.protocols, origins: origins)
        routes.get(path) { [self] exchange in connect(exchange, dialect, options) }
    }

    private func connect<D: Dialect>(_ exchange: Exchange, _ dialect: D.Type, _ options: WebSocketOptions) {
        let desk = desk(on: exchange.loop)
        let peer = IPAddress(exchange.clientAddress)
        if let peer, desk.bans.ban(of: peer, at: exchange.loop.kernel.wallTime()) != nil {
            return Problem.respond(exchange, Refusal(.permissionDenied, "this address may not connect"))
        }
        let proven: Identity?
        do throws(Refusal) {
            proven = try credential(of: exchange, peer, desk)
        } catch {
            return Problem.respond(exchange, error)
        }
        // Which sub-protocol is agreed on is known once the socket stands, so a small go-between waits for it.
        exchange.upgrade(options, to: Greeter<D>(desk, peer: peer, proven: proven))
    }

    /// Who somebody is by what he brings: a token in the head, or a ticket, which is good once.
    private func credential(of exchange: Exchange, _ peer: IPAddress?, _ desk: GateLoop) throws(Refusal) -> Identity? {
        let bearer = exchange.text(of: .authorization)
        let ticket = bearer == nil ? QueryIterator.value(of: "ticket", in: exchange.query) : nil
        guard bearer != nil || ticket != nil else { return nil }
        let address = peer.map { addresses.budget(of: $0, at: exchange.loop.now) }
        // Before the ticket is looked at, which is good once.
        if let address {
            let wait = unsafe desk.desk.spend(upgradeFrom: address, at: exchange.loop.now)
            guard wait == .zero else {
                throw Refusal(.rateLimited, "too many sockets from here", retryAfter: wait)
            }
        }
        if let bearer { return try desk.identity(ofBearer: bearer, address) }
        return try ticket.map { (ticket) throws(Refusal) in try desk.identity(ofTicket: ticket, address) }
    }
}

/// Waits for the socket to stand, and then makes way for the connection that speaks what was agreed on.
private final class Greeter<D: Dialect>: WebSocketHandler {
    private let desk: GateLoop
    private let peer: IPAddress?
    private let proven: Identity?

    init(_ desk: GateLoop, peer: IPAddress?, proven: Identity?) {
        self.desk = desk
        self.peer = peer
        self.proven = proven
    }

    func opened(_ socket: WebSocket) {
        let connection = D.speaking(socket.protocolIndex).connection(on: desk, peer: peer, proven: proven)
        socket.setHandler(connection)
        connection.opened(socket)
    }

    func received(_ message: RawSpan, as kind: WebSocketKind, on socket: WebSocket) {
        // The handler was changed before anything could come.
    }
}
