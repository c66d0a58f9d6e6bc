import Base
import Reactor
import Synchronization
import Testing
import Web
import Wire

@testable import GamekeeperClient

/// A server on one loop that speaks the envelope in one format, with handles for a test to pull.
final class FakeGate: Sendable {
    let group: EventLoopGroup
    let address: SocketAddress
    let desk = Desk()

    init() throws {
        let group = try EventLoopGroup(count: 1)
        self.group = group
        var routes = Routes()
        let desk = desk
        var options = WebSocketOptions()
        options.protocols = ClientFormat.allCases.map(\.subprotocol)
        let fixed = options
        routes.get("/v1/connect") { $0.upgrade(fixed, to: Link(desk)) }
        address = try WebServer(routes).listen(on: group, ListenerOptions(address: .ip(.loopback, port: 0)))
        group.start()
    }

    deinit { group.stop(within: .milliseconds(200)) }

    /// Does something on the loop and waits for it.
    func visit<Result: Sendable>(_ body: @escaping @Sendable (Desk) -> Result) async -> Result {
        let desk = desk
        return await withCheckedContinuation { continuation in
            let isTaken = group.loops[0].post { _ in continuation.resume(returning: body(desk)) }
            precondition(isTaken, "the loop of a test has room")
        }
    }

    /// Everything that clients have said. Used on the loop only, which is the proof; `heard` has its own lock.
    final class Desk: @unchecked Sendable {
        var sessions: [String: Seat] = [:]
        var ringMax = 1_000
        /// What methods answer.
        var calls: [String: @Sendable (Value) -> Reply] = [:]
        private struct Said {
            var all: [Value] = []
            var waiters: [(matches: @Sendable (Value) -> Bool, continuation: CheckedContinuation<Value, Never>)] = []
        }
        private let said = Mutex(Said())

        func note(_ message: Value) {
            let woken = said.withLock { said in
                said.all.append(message)
                let woken = said.waiters.filter { $0.matches(message) }
                said.waiters.removeAll { $0.matches(message) }
                return woken
            }
            for waiter in woken { waiter.continuation.resume(returning: message) }
        }

        /// The first message that was said, or will be, for which this holds.
        func hears(_ matches: @escaping @Sendable (Value) -> Bool) async -> Value {
            await withCheckedContinuation { continuation in
                let known = said.withLock { said -> Value? in
                    if let known = said.all.first(where: matches) { return known }
                    said.waiters.append((matches, continuation))
                    return nil
                }
                if let known { continuation.resume(returning: known) }
            }
        }

        var heard: [Value] { said.withLock { $0.all } }

        /// A reliable event, kept for whoever comes back.
        func tell(_ event: String, _ data: Value, topic: String? = nil, isLost: Bool = false) {
            for seat in sessions.values {
                seat.seq += 1
                var message: Value.Object = [
                    "type": .string("event"), "seq": .int(seat.seq), "event": .string(event), "data": data,
                    "timestamp": .int(1_700_000_000_000),
                ]
                message["topic"] = topic.map { .string($0) }
                seat.ring.append(.object(message))
                if seat.ring.count > ringMax { seat.ring.removeFirst() }
                if !isLost { seat.link?.say(.object(message)) }
            }
        }

        func cut(_ code: UInt16? = nil) {
            for seat in sessions.values {
                let link = seat.link
                seat.link = nil
                link?.socket?.close(code.flatMap { WebSocketCloseCode(rawValue: $0) } ?? .goingAway)
            }
        }
    }

    /// What a method answers.
    enum Reply {
        case result(Value)
        case refusal(CallFailure)
        case silence
    }

    final class Seat {
        let id: String
        var epoch: Int64 = 1
        var seq: Int64 = 0
        var ring: [Value] = []
        var link: Link?
        init(_ id: String) { self.id = id }
    }

    /// One socket. Used on the loop only.
    final class Link: WebSocketHandler {
        let desk: Desk
        var socket: WebSocket?
        var seat: Seat?
        private var format = ClientFormat.json

        init(_ desk: Desk) { self.desk = desk }

        func opened(_ socket: WebSocket) {
            self.socket = socket
            format = ClientFormat.allCases[socket.protocolIndex ?? 0]
        }

        func say(_ message: Value) {
            var output = ByteBuffer()
            #expect(throws: Never.self) { try message.write(format.wire, to: &output) }
            socket?.send(output.bytes, as: format == .json ? .text : .binary)
        }

        func received(_ message: RawSpan, as kind: WebSocketKind, on socket: WebSocket) {
            guard let message = try? Value(message, as: format.wire) else { return socket.close(.policyViolation) }
            if message["type"]?.text == "ping" {
                return say(.object(["type": .string("pong"), "t": message["t"] ?? .null, "server": .double(0)]))
            }
            if message["type"]?.text == "rpc" { call(message) }
            desk.note(message)
        }

        func closed(_ socket: WebSocket, code: WebSocketCloseCode) {
            self.socket = nil
            if seat?.link === self { seat?.link = nil }
        }

        private func call(_ message: Value) {
            let method = message["method"]?.text ?? ""
            let params = message["params"] ?? .null
            var reply: Value.Object = ["type": .string("response"), "id": message["id"] ?? .null]
            var after: () -> Void = {}
            switch desk.calls[method]?(params) ?? builtIn(method, params, &after) {
            case .result(let value): reply["result"] = value
            case .refusal(let failure): reply["error"] = failure.wireForm
            case .silence: return
            }
            if message["id"] != nil { say(.object(reply)) }
            after()
        }

        private func builtIn(_ method: String, _ params: Value, _ after: inout () -> Void) -> Reply {
            switch method {
            case "auth.guest":
                begin()
                return .result(.object(["player_id": .string("player_1"), "access_token": .string("a")]))
            case "session.resume": return resume(params, &after)
            case "session.end":
                if let seat { desk.sessions[seat.id] = nil }
                return .result(.object([:]))
            case "topic.subscribe":
                return .result(.object(["topic": params["topic"] ?? .null, "history": .array([.int(1)])]))
            case "echo": return .result(params)
            default: return .refusal(CallFailure("UNKNOWN_METHOD", "there is no \(method)"))
            }
        }

        private func begin() {
            let seat = Seat("session\(desk.sessions.count + 1)")
            seat.link = self
            self.seat = seat
            desk.sessions[seat.id] = seat
            say(
                .object([
                    "type": .string("event"), "event": .string("session.opened"), "timestamp": .int(0),
                    "data": .object([
                        "session_id": .string(seat.id), "player_id": .string("player_1"),
                        "resume_token": .string(seat.id), "epoch": .int(1), "grace_ms": .int(30_000),
                    ]),
                ])
            )
        }

        private func resume(_ params: Value, _ after: inout () -> Void) -> Reply {
            guard let seat = desk.sessions[params["token"]?.text ?? ""] else {
                return .refusal(CallFailure("NOT_FOUND", "this session is over"))
            }
            let seq = params["seq"]?.whole ?? 0
            let missed = seat.ring.filter { ($0["seq"]?.whole ?? 0) > seq }
            let recovered = params["epoch"]?.whole == seat.epoch && Int64(missed.count) == seat.seq - seq
            if !recovered { seat.epoch += 1 }
            seat.link = self
            self.seat = seat
            after = { [self] in if recovered { for event in missed { say(event) } } }
            let answer: Value.Object = [
                "recovered": .bool(recovered), "session_id": .string(seat.id), "player_id": .string("player_1"),
                "epoch": .int(seat.epoch), "seq": .int(recovered ? seq : seat.seq), "resume_token": .string(seat.id),
                "snapshot": recovered ? .null : .string("all of it"),
            ]
            return .result(.object(answer))
        }
    }
}
