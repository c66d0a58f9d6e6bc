import Base
import Contracts
import Reactor
import Web
import Wire

@testable import Gateway

/// A second dialect, for the proof that the gateway knows no field of the first: lines of words, of which the last is JSON
/// where there is any. Calls are found again by a word that the caller picks, and a player is let in by a number that
/// hangs beside the machine.
///
/// `HELLO 4711` · `CALL word method {…}` · `TELL method {…}` · `GOT 5` · `BACK token epoch seq` · `YES 1 {…}` · `NO 1`
final class Telegraph: Dialect {
    static let protocols = ["telegraph"]
    static func speaking(_ protocolIndex: Int?) -> Telegraph { only }
    private static let only = Telegraph()

    let encoding: any EventEncoding = TelegraphEncoding()
    let kind = WebSocketKind.text

    func greet(_ connection: DialectConnection<Telegraph>) { connection.reply { $0.append("WHO ARE YOU") } }

    // MARK: Reading

    func read(_ message: RawSpan, for connection: DialectConnection<Telegraph>) {
        let line = unsafe message.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
        let words = line.split(separator: " ", maxSplits: 3).map(String.init)
        switch (words.first ?? "", words.count) {
        case ("HELLO", 2): hello(words[1], connection)
        case ("CALL", 3...): call(words[2], words.count > 3 ? words[3] : "", from: words[1], connection)
        case ("TELL", 2...): call(words[1], words.dropFirst(2).joined(separator: " "), from: nil, connection)
        case ("GOT", 2): connection.acknowledge(UInt64(words[1]) ?? .max)
        case ("BACK", 4): back(words, connection)
        case ("YES", 3...): answer(words[1], words.dropFirst(2).joined(separator: " "), connection)
        case ("NO", 2): connection.answered(Int64(words[1]) ?? 0, .refused(.invalidAction))
        case ("HUH", _): connection.breach(Refusal(.invalidArgument, "speak up"), to: nil)
        default: connection.malformed()
        }
    }

    private func hello(_ number: String, _ connection: DialectConnection<Telegraph>) {
        guard number.utf8.count == 4, let player = PlayerID("keeper_\(number)") else {
            return connection.breach(Refusal(.unauthenticated, "nobody has this number"), to: nil)
        }
        let family = FamilyID(bits: 4711)
        let until = WallTime(nanoseconds: .max)
        connection.openSession(Identity(player: player, roles: .none, family: family, expires: until)) { refusal in
            if let refusal { connection.breach(refusal, to: nil) }
        }
    }

    private func call(
        _ method: String,
        _ params: String,
        from word: String?,
        _ connection: DialectConnection<Telegraph>
    ) {
        let (method, params) = (Array(method.utf8), Array(params.utf8))
        connection.call(unsafe IncomingCall(method: method.span.bytes, params: params.span.bytes), from: word)
    }

    private func back(_ words: [String], _ connection: DialectConnection<Telegraph>) {
        let text = Array(words[1].utf8)
        let numbers = words[3].isEmpty ? [] : [UInt64(words[2]), UInt64(words[3])].compactMap(\.self)
        guard numbers.count == 2, let token = unsafe ResumeToken(text: text.span.bytes) else {
            return connection.breach(Refusal(.notFound, "no such session"), to: nil)
        }
        connection.resumeSession(ResumeClaim(token: token, epoch: UInt32(numbers[0]), seq: numbers[1])) { result in
            switch result {
            case .success(let resumed):
                connection.reply { $0.append(utf8: "BACK \(resumed.recovered) \(resumed.player)") }
            case .failure(let refusal): connection.breach(refusal, to: nil)
            }
        }
    }

    private func answer(_ number: String, _ json: String, _ connection: DialectConnection<Telegraph>) {
        let json = Array(json.utf8)
        connection.answered(Int64(number) ?? 0, unsafe .result(json.span.bytes))
    }

    // MARK: Writing

    func beginAnswer(to word: String, _ output: inout ByteBuffer) -> Int {
        output.append(utf8: "DONE \(word) ")
        return 0
    }

    func endAnswer(_ mark: Int, _ output: inout ByteBuffer) { output.append(" STOP") }

    func write(_ refusal: Refusal, to word: String?, _ output: inout ByteBuffer) {
        output.append(utf8: "CANNOT \(word ?? "THAT") \(refusal.code.name)")
    }

    func writeHead(of tail: EventTail, seq: UInt64?, _ output: inout ByteBuffer) {
        output.append(utf8: "NEWS \(seq.map { "\($0)" } ?? "-") ")
    }

    func write(_ request: OutgoingRequest, _ output: inout ByteBuffer) {
        output.append(utf8: "ASK \(request.id) \(request.method) ")
        request.payload(.json, &output)
    }

    func opened(_ session: Session, on connection: DialectConnection<Telegraph>) -> OutgoingEvent? {
        var token = ByteBuffer()
        session.resumeToken.appendSecret(to: &token)
        let text = "\(session.owner.player) \(String(decoding: token.array(), as: UTF8.self))"
        var circumstances = OutgoingEvent.Circumstances()
        circumstances.lane = .latest
        return OutgoingEvent("WELCOME", at: connection.desk.loop.kernel.wallTime(), circumstances) { _, output in
            output.append(utf8: text)
        }
    }
}

/// How it writes events: beside the four encodings of the envelope.
final class TelegraphEncoding: EventEncoding {
    let place = 4
    let format = WireFormat.json

    func makeTail(of event: OutgoingEvent) -> EventTail {
        var tail = ByteBuffer()
        tail.append(utf8: "\(event.topic?.text ?? event.name) ")
        event.payload(.json, &tail)
        return EventTail(SharedBytes(tail))
    }
}
