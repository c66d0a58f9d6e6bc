import Base
import Testing
import Wire

@testable import GamekeeperClient

@Suite struct HearingTests {
    @Test func `events count once and in order`() {
        var hearing = Hearing()
        hearing.begin(epoch: 1, after: 0)
        #expect(hearing.hear(1) == .deliver(acknowledges: false))
        #expect(hearing.hear(1) == .known)
        #expect(hearing.hear(2) == .deliver(acknowledges: false))
        #expect(hearing.seq == 2)
    }

    @Test func `a gap is never passed over`() {
        var hearing = Hearing()
        hearing.begin(epoch: 1, after: 7)
        #expect(hearing.hear(9) == .gap)
        #expect(hearing.seq == 7)
        #expect(hearing.hear(8) == .deliver(acknowledges: false))
        #expect(hearing.hear(.max) == .gap)
        #expect(hearing.hear(0) == .known)
    }

    @Test func `an ack is due long before the server must wait`() {
        var hearing = Hearing()
        hearing.begin(epoch: 1, after: 0)
        let due = (1...100).filter { hearing.hear(UInt64($0)) == .deliver(acknowledges: true) }
        #expect(due.first == Hearing.eventsPerAck)
        hearing.acknowledged()
        #expect(hearing.hear(101) == .deliver(acknowledges: false))
    }
}

@Suite struct BackoffTests {
    @Test func `waiting doubles up to a bound, and anything below it may be drawn`() {
        let backoff = Backoff(base: .milliseconds(250), max: .seconds(15))
        let most = [0, 1, 2, 5, 6, 7, 2_000].map { backoff.delay(attempt: $0, draw: 1) }
        #expect(most == [250, 500, 1_000, 8_000, 15_000, 15_000, 15_000].map { .milliseconds($0) })
        #expect(backoff.delay(attempt: 5, draw: 0) == .zero)
    }
}

@Suite struct ServerClockTests {
    @Test func `the clock believes the shortest of its last round trips`() {
        var clock = ServerClock()
        clock.add(sent: 1_000, server: 6_050, now: 1_100)
        clock.add(sent: 2_000, server: 7_200, now: 2_210)
        #expect(clock.offset == 5_000)
        #expect(clock.roundTrip == 210)
        clock.add(sent: 4_000, server: .nan, now: 4_001)
        clock.add(sent: 4_000, server: 9_000, now: 3_999)
        #expect(clock.roundTrip == 210)
        for time in 0..<8 { clock.add(sent: Double(time), server: Double(time) + 700, now: Double(time)) }
        #expect(clock.offset == 700)
    }
}

@Suite struct IncomingTests {
    private static let response: Value = .object([
        "type": .string("response"), "id": .int(7), "result": .object(["a": .int(1)]),
    ])
    private static let event: Value = .object([
        "type": .string("event"), "seq": .uint(3), "event": .string("chat"), "data": .array([.bool(true), .null]),
        "timestamp": .int(1_700_000_000_123), "topic": .string("chat:lobby"), "later": .object(["x": .double(1.5)]),
    ])

    private func bytes(_ value: Value, _ format: ClientFormat) throws -> [UInt8] {
        var output = ByteBuffer()
        try value.write(format.wire, to: &output)
        return output.array()
    }

    private func read(_ bytes: [UInt8], _ format: ClientFormat) throws -> [Incoming] {
        try Incoming.read(bytes.span.bytes, as: format)
    }

    @Test(arguments: ClientFormat.allCases)
    func `envelopes are read in every format, alone and in a batch`(_ format: ClientFormat) throws {
        let frame = try bytes(.array([Self.response, Self.event]), format)
        let all = try read(frame, format)
        #expect(all.map(\.kind) == [.response, .event])
        #expect(all[0].id == 7)
        let result = try #require(all[0].body)
        #expect(try GameBody(bytes: Array(frame[result]), format: format).value() == .object(["a": .int(1)]))
        #expect(all[1].seq == 3)
        #expect(all[1].name == "chat")
        #expect(all[1].topic == "chat:lobby")
        #expect(all[1].timestamp == 1_700_000_000_123)
        #expect(try read(try bytes(Self.response, format), format).count == 1)
    }

    @Test(arguments: ClientFormat.allCases)
    func `no prefix of a frame is taken for one`(_ format: ClientFormat) throws {
        let frame = try bytes(.array([Self.response, Self.event]), format)
        for length in 0..<frame.count {
            #expect(throws: WireError.self) { try read(Array(frame[..<length]), format) }
        }
    }

    @Test(arguments: ClientFormat.allCases)
    func `a batch has its bound`(_ format: ClientFormat) throws {
        let most = try bytes(.array(Array(repeating: Self.response, count: 64)), format)
        #expect(try read(most, format).count == 64)
        let more = try bytes(.array(Array(repeating: Self.response, count: 65)), format)
        #expect(throws: WireError.self) { try read(more, format) }
    }

    @Test(arguments: ClientFormat.allCases)
    func `what is written can be read`(_ format: ClientFormat) throws {
        var call = Outgoing("rpc")
        call.id = 5
        call.method = "player.attack"
        call.body = try bytes(.object(["weapon": .string("sword")]), format)
        call.key = "once"
        call.deadlineMilliseconds = 250
        let value = try Value(call.encoded(format).span.bytes, as: format.wire)
        #expect(value["method"] == .string("player.attack"))
        #expect(value["params"] == .object(["weapon": .string("sword")]))
        #expect(value["id"]?.whole == 5)
        #expect(value["deadline_ms"]?.whole == 250)
        var refusal = Outgoing("response")
        refusal.id = 6
        refusal.error = CallFailure("INVALID_ACTION", "no", details: .object(["why": .int(1)]))
        let refused = try Value(refusal.encoded(format).span.bytes, as: format.wire)
        #expect(refused["error"]?["details"]?["why"]?.whole == 1)
    }

    @Test func `a refusal arrives with everything the server said`() {
        let failure = CallFailure(
            .object([
                "code": .string("RATE_LIMITED"), "message": .string("slower"), "retry": .bool(true),
                "retry_after_ms": .int(250),
            ])
        )
        #expect(failure.code == "RATE_LIMITED")
        #expect(failure.retry)
        #expect(failure.retryAfter == .milliseconds(250))
        #expect(!failure.maybeApplied)
        #expect(CallFailure(.null).code == "INTERNAL")
    }
}
