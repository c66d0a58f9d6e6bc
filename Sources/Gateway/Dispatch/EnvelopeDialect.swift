import Base
import Contracts
import Reactor
import Web
import Wire

/// The first dialect: the envelope of the wire's version 1, in one of four formats.
final class EnvelopeDialect: Dialect {
    typealias Correlation = Int64

    let format: WireFormat
    let encoding: any EventEncoding
    let kind: WebSocketKind
    /// The errors of refusals of few words, by their reason.
    private let denials: [SharedBytes]
    /// The same in JSON for those that may be tried again, up to the number of milliseconds.
    private let denialHeads: [SharedBytes]

    private init(_ format: WireFormat) {
        self.format = format
        encoding = EnvelopeEncoding.of(format)
        kind = format == .json ? .text : .binary
        denials = Denial.Reason.allCases.map { reason in
            var error = ByteBuffer()
            _ = EnvelopeWriter.appendError(Self.failure(Denial(reason)), format, to: &error)
            return SharedBytes(error)
        }
        denialHeads = Denial.Reason.allCases.map { reason in
            var error = ByteBuffer()
            _ = EnvelopeWriter.appendError(Self.failure(Denial(reason, wait: 1)), .json, to: &error)
            // Without the number and the brace behind it.
            error.truncate(to: error.count - 2)
            return SharedBytes(error)
        }
    }

    /// One for each format, for the whole process.
    private static let all = WireFormat.allCases.map { EnvelopeDialect($0) }

    /// The dialect of a format.
    static func of(_ format: WireFormat) -> EnvelopeDialect {
        switch format {
        case .json: all[0]
        case .messagePack: all[1]
        case .cbor: all[2]
        case .protobuf: all[3]
        }
    }

    /// The sub-protocols, in the order of the formats.
    static let protocols = WireFormat.allCases.map { "gamekeeper.v1.\($0.rawValue)" }

    /// The dialect of a sub-protocol by its place; JSON where none was agreed on.
    static func speaking(_ protocolIndex: Int?) -> EnvelopeDialect { all[protocolIndex ?? 0] }

    func connection(on desk: GateLoop, peer: IPAddress?, proven: Identity?) -> DialectConnection<EnvelopeDialect> {
        EnvelopeConnection(self, on: desk, peer: peer, proven: proven)
    }

    // MARK: Reading

    @inline(__always)
    func read(_ message: RawSpan, for connection: DialectConnection<EnvelopeDialect>) {
        switch format {
        case .json: read(EnvelopeReader<JSONReader>(message), message, connection)
        case .messagePack: read(EnvelopeReader<MessagePackReader>(message), message, connection)
        case .cbor: read(EnvelopeReader<CBORReader>(message), message, connection)
        case .protobuf: read(EnvelopeReader<ProtobufReader>(message), message, connection)
        }
    }

    @inline(__always)
    private func read<Reader: WireReader & ~Escapable>(
        _ reader: consuming EnvelopeReader<Reader>,
        _ message: RawSpan,
        _ connection: DialectConnection<EnvelopeDialect>
    ) {
        let batchMax = connection.desk.gate.limits.calls.batchMax
        var envelope = Envelope()
        while true {
            switch reader.next(&envelope, batchMax: batchMax) {
            case .envelope: act(on: envelope, message, connection)
            case .refused(let fault): breach(fault, envelope, message, connection)
            case .end: return
            case .malformed: return connection.malformed()
            }
            if reader.isOver { return }
            // What stands behind the envelope that closed the socket is not looked at; nor is what came before it moved.
            guard connection.isOpen else { return }
        }
    }

    @inline(__always)
    private func act(
        on envelope: Envelope,
        _ message: RawSpan,
        _ connection: DialectConnection<EnvelopeDialect>
    ) {
        switch envelope.kind {
        case .rpc: call(envelope, message, connection)
        case .ack: connection.acknowledge(UInt64(envelope.seq))
        case .ping:
            let server = Double(connection.desk.loop.kernel.wallTime().nanoseconds / 1_000) / 1_000
            connection.reply { EnvelopeWriter.appendPong(envelope.clock, server: server, format, to: &$0) }
        case .response: answer(envelope, message, connection)
        case .event, .request, .pong: break  // the reader lets none through
        }
    }

    @inline(__always)
    private func call(_ envelope: Envelope, _ message: RawSpan, _ connection: DialectConnection<EnvelopeDialect>) {
        guard envelope.method.isPlain, envelope.fields.isDisjoint(with: [.key, .trace]) else {
            return callWithTexts(envelope, message, connection)
        }
        var incoming = IncomingCall(method: message.at(envelope.method), params: message.at(envelope.params))
        if envelope.fields.contains(.seq) { incoming.seq = envelope.seq }
        if envelope.fields.contains(.deadline) { incoming.deadlineMilliseconds = envelope.deadlineMilliseconds }
        connection.call(incoming, from: envelope.callID)
    }

    /// A call with a key or a trace, or with escapes in its method.
    private func callWithTexts(
        _ envelope: Envelope,
        _ message: RawSpan,
        _ connection: DialectConnection<EnvelopeDialect>
    ) {
        envelope.method.withText(in: message, format) { method in
            envelope.key.withText(in: message, format) { key in
                let hasKey = envelope.fields.contains(.key)
                var incoming = IncomingCall(
                    method: method,
                    params: message.at(envelope.params),
                    key: hasKey ? key : nil
                )
                if envelope.fields.contains(.seq) { incoming.seq = envelope.seq }
                if envelope.fields.contains(.deadline) { incoming.deadlineMilliseconds = envelope.deadlineMilliseconds }
                if envelope.fields.contains(.trace) {
                    incoming.trace = envelope.trace.withText(in: message, format) { TraceContext(traceparent: $0) }
                }
                connection.call(incoming, from: envelope.callID)
            }
        }
    }

    private func answer(_ envelope: Envelope, _ message: RawSpan, _ connection: DialectConnection<EnvelopeDialect>) {
        if envelope.fields.contains(.error) {
            let code = EnvelopeAnswer.code(of: message.at(envelope.error), format)
            connection.answered(envelope.id, .refused(code))
        } else {
            connection.answered(envelope.id, .result(message.at(envelope.result)))
        }
    }

    private func breach(
        _ fault: EnvelopeFault,
        _ envelope: Envelope,
        _ message: RawSpan,
        _ connection: DialectConnection<EnvelopeDialect>
    ) {
        let name: String =
            if fault.field.isEmpty, fault.problem == .unknownField {
                fault.number > 0 ? "#\(fault.number)" : Self.shortText(fault.name, message, format)
            } else {
                fault.field.name.description
            }
        let details = Value.object(["field": .string(name), "problem": .string(fault.problem.word.description)])
        connection.breach(
            Refusal(.invalidArgument, "the envelope breaks a rule", details: details),
            to: envelope.callID
        )
    }

    /// A peer's own word, shown back to it: never more than a line.
    private static func shortText(_ place: WirePlace, _ message: RawSpan, _ format: WireFormat) -> String {
        place.withText(in: message, format) { text in
            unsafe text.withUnsafeBytes { unsafe String(String(decoding: $0, as: UTF8.self).unicodeScalars.prefix(64)) }
        }
    }

    // MARK: Writing

    @inline(__always)
    func beginAnswer(to correlation: Int64, _ output: inout ByteBuffer) -> Int {
        EnvelopeWriter.beginResponse(correlation, format, to: &output).body
    }

    @inline(__always)
    func endAnswer(_ mark: Int, _ output: inout ByteBuffer) {
        EnvelopeWriter.endResponse(EnvelopeWriter.Open(start: 0, body: mark), format, to: &output)
    }

    func write(_ refusal: Refusal, to correlation: Int64?, _ output: inout ByteBuffer) {
        if let correlation,
            let error = refusal.written(
                format,
                { error in
                    EnvelopeWriter.appendError(Self.failure(refusal), format, to: &error)
                }
            )
        {
            return EnvelopeWriter.append(error: error.bytes, id: correlation, format, to: &output)
        }
        EnvelopeWriter.append(Self.failure(refusal), id: correlation, format, to: &output)
    }

    func write(_ denial: Denial, to correlation: Int64?, _ output: inout ByteBuffer) {
        let reason = Int(denial.reason.rawValue)
        if let correlation, denial.wait <= 0 {
            let error = denials[reason]
            return EnvelopeWriter.append(error: error.bytes, id: correlation, format, to: &output)
        }
        if let correlation, format == .json {
            let head = denialHeads[reason]
            output.append(#"{"type":"response","id":"#)
            output.append(decimal: Int(correlation))
            output.append(#","error":"#)
            output.append(head.bytes)
            output.append(decimal: Int(denial.wait))
            return output.append("}}")
        }
        EnvelopeWriter.append(Self.failure(denial), id: correlation, format, to: &output)
    }

    private static func failure(_ refusal: Refusal) -> EnvelopeWriter.Failure {
        EnvelopeWriter.Failure(
            code: refusal.code,
            message: refusal.message,
            details: refusal.details,
            retryAfterMilliseconds: refusal.retryAfter.map { max(1, $0.nanoseconds / 1_000_000) }
        )
    }

    private static func failure(_ denial: Denial) -> EnvelopeWriter.Failure {
        EnvelopeWriter.Failure(
            code: denial.code,
            message: denial.message,
            retryAfterMilliseconds: denial.wait > 0 ? denial.wait : nil
        )
    }

    @inline(__always)
    func writeHead(of tail: EventTail, seq: UInt64?, _ output: inout ByteBuffer) {
        EnvelopeWriter.appendEventHead(seq: seq, entries: Int(tail.note), format, to: &output)
    }

    func write(_ request: OutgoingRequest, _ output: inout ByteBuffer) {
        var params = ByteBuffer()
        request.payload(format, &params)
        EnvelopeWriter.appendRequest(
            request.id,
            method: request.method,
            params: params.bytes,
            timeoutMilliseconds: request.timeoutMilliseconds,
            format,
            to: &output
        )
    }

    func opened(_ session: Session, on connection: DialectConnection<EnvelopeDialect>) -> OutgoingEvent? {
        let gate = connection.desk.gate
        let opened = BuiltIn.Opened(session, grace: gate.limits.session.grace, gate.contract.description, gate.hash)
        let now = connection.desk.loop.kernel.wallTime()
        var circumstances = OutgoingEvent.Circumstances()
        circumstances.lane = .latest
        return OutgoingEvent("session.opened", at: now, circumstances) { format, output in
            opened.append(format, to: &output)
        }
    }
}

/// How the envelope writes events.
final class EnvelopeEncoding: EventEncoding {
    let place: Int
    let format: WireFormat

    private init(_ format: WireFormat, place: Int) {
        self.format = format
        self.place = place
    }

    private static let all = WireFormat.allCases.enumerated().map { EnvelopeEncoding($1, place: $0) }

    /// The encoding of a format.
    static func of(_ format: WireFormat) -> EnvelopeEncoding {
        all.first { $0.format == format } ?? all[0]
    }

    func makeTail(of event: OutgoingEvent) -> EventTail {
        var data = ByteBuffer()
        event.payload(format, &data)
        var tail = EnvelopeWriter.Tail(event: event.name, timestampMilliseconds: event.timestamp.milliseconds)
        tail.topic = event.topic?.text
        tail.room = event.room
        tail.trace = event.trace
        var output = ByteBuffer()
        EnvelopeWriter.append(tail, data: data.bytes, format, to: &output)
        return EventTail(SharedBytes(output), note: UInt8(tail.entries(hasData: !data.isEmpty)))
    }
}

/// One socket of the envelope. It is a class of its own so that the way from message to handler is compiled for it alone.
final class EnvelopeConnection: DialectConnection<EnvelopeDialect> {
    override func received(_ message: RawSpan, as kind: WebSocketKind, on socket: WebSocket) {
        take(message, as: kind)
    }
}

/// What a client's answer says when it refuses.
enum EnvelopeAnswer {
    /// The code of an error, where it is one of ours.
    static func code(of error: RawSpan, _ format: WireFormat) -> ErrorCode? {
        switch format {
        case .json: code(JSONReader(error))
        case .messagePack: code(MessagePackReader(error))
        case .cbor: code(CBORReader(error))
        case .protobuf: code(ProtobufReader(error))
        }
    }

    private static func code<Reader: WireReader & ~Escapable>(_ reader: consuming Reader) -> ErrorCode? {
        var found: ErrorCode?
        do throws(WireError) {
            var scope = try reader.beginObject()
            while let key = try reader.nextKey(in: &scope) {
                if key.matches(EnvelopeKey.code) {
                    found = ErrorCode.named(try reader.text().string())
                } else {
                    try reader.skipValue()
                }
            }
        } catch {
            return found
        }
        return found
    }
}
