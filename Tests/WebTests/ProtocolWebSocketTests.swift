import Base
import Testing

@testable import Web

@Suite("WebSocket frames") struct ProtocolWebSocketTests {
    @Test func `the examples of RFC 6455 are understood`() {
        let hello: [UInt8] = [0x48, 0x65, 0x6C, 0x6C, 0x6F]
        #expect(Received([0x81, 0x05] + hello, role: .client).items == [.text("Hello")])
        #expect(
            Received([0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]).items == [.text("Hello")]
        )
        #expect(
            Received([0x01, 0x03, 0x48, 0x65, 0x6C, 0x80, 0x02, 0x6C, 0x6F], role: .client).items == [.text("Hello")]
        )
        #expect(Received([0x89, 0x05] + hello, role: .client).items == [.ping(hello)])
        #expect(
            Received([0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]).items == [.pong(hello)]
        )
        let short = [UInt8](repeating: 7, count: 256)
        #expect(Received([0x82, 0x7E, 0x01, 0x00] + short, role: .client).items == [.binary(short)])
        let long = [UInt8](repeating: 9, count: 65_536)
        #expect(
            Received([0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0] + long, role: .client).items == [.binary(long)]
        )
    }

    @Test func `the same examples are written`() {
        #expect(frame(.text, "Hello", mask: nil) == [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
        #expect(
            frame(.text, "Hello", mask: 0x3D21_FA37)
                == [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
        )
        #expect(Array(frame(.binary, [UInt8](repeating: 0, count: 256), mask: nil)[..<4]) == [0x82, 0x7E, 1, 0])
        #expect(
            Array(frame(.binary, [UInt8](repeating: 0, count: 65_536), mask: nil)[..<10])
                == [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]
        )
    }

    @Test(arguments: Array(0...40) + [124, 125, 126, 127, 128, 200, 65_535, 65_536])
    func `a payload of any length comes through its mask`(count: Int) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 5) }
        let bytes = frame(.binary, payload)
        #expect(Received(bytes).items == [.binary(payload)])
        #expect(Received(bytes, step: max(1, count / 3)).items == [.binary(payload)])
    }

    @Test(arguments: 1...64) func `messages are the same however the bytes are cut`(step: Int) {
        let bytes =
            frame(.text, "héllo €𝄞") + frame(.ping, "a") + frame(.text, "one ", final: false)
            + frame(.ping, "") + frame(.continuation, "", final: false) + frame(.pong, "x")
            + frame(.continuation, "two €") + frame(.binary, [UInt8](repeating: 0xFE, count: 300))
            + frame(.close, [0x03, 0xE8] + Array("bye".utf8)) + frame(.text, "ignored")
        let expected: [Received.Item] = [
            .text("héllo €𝄞"), .ping([0x61]), .ping([]), .pong([0x78]), .text("one two €"),
            .binary([UInt8](repeating: 0xFE, count: 300)), .close(1000, "bye"),
        ]
        #expect(Received(bytes, step: step).items == expected)
    }

    @Test func `a whole message is a slice of the bytes that came`() {
        var bytes = frame(.text, "Hello") + frame(.binary, [1, 2, 3])
        var receiver = WebSocketReceiver(role: .server, limits: WebSocketLimits(), allowsCompression: false)
        bytes.withUnsafeMutableBytes { raw in
            var offset = 0
            #expect(receiver.next(raw, &offset) == .message(.text, ByteRange(start: 6, count: 5), isCompressed: false))
            #expect(raw[6..<11].elementsEqual("Hello".utf8))
            #expect(
                receiver.next(raw, &offset) == .message(.binary, ByteRange(start: 17, count: 3), isCompressed: false)
            )
            #expect(receiver.next(raw, &offset) == .needMore)
            #expect(offset == raw.count)
        }
    }

    @Test(arguments: [
        ([0xC1, 0x80, 0, 0, 0, 0], WebSocketViolation.reservedBits), ([0xA1], .reservedBits), ([0x91], .reservedBits),
        ([0x83], .reservedOpcode), ([0x84], .reservedOpcode), ([0x85], .reservedOpcode), ([0x86], .reservedOpcode),
        ([0x87], .reservedOpcode), ([0x8B], .reservedOpcode), ([0x8C], .reservedOpcode), ([0x8D], .reservedOpcode),
        ([0x8E], .reservedOpcode), ([0x8F], .reservedOpcode), ([0x81, 0x05], .unmaskedFrame),
        ([0x09], .fragmentedControl), ([0x08], .fragmentedControl), ([0x0A], .fragmentedControl),
        ([0x89, 0xFE], .longControl), ([0x88, 0xFF], .longControl), ([0x82, 0xFE, 0, 125], .wastefulLength),
        ([0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], .wastefulLength),
        ([0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], .impossibleLength),
        ([0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], .impossibleLength),
        ([0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0], .messageTooBig),
        ([0x80, 0x80, 0, 0, 0, 0], .unexpectedContinuation),
    ]) func `a frame that breaks the protocol is refused at its byte`(bytes: [UInt8], violation: WebSocketViolation) {
        #expect(Received(bytes).items == [.violation(violation)])
        #expect(Received(bytes, step: 1).items == [.violation(violation)])
    }

    @Test func `a client refuses masked frames and reserved bits that were not agreed on`() {
        #expect(Received(frame(.text, "a"), role: .client).items == [.violation(.maskedFrame)])
        let compressed = frame(.text, [1], compressed: true)
        #expect(Received(compressed, compression: true).items == [.compressed([1])])
        #expect(Received(compressed).items == [.violation(.reservedBits)])
        #expect(
            Received(frame(.ping, [1], compressed: true), compression: true).items == [.violation(.reservedBits)]
        )
        let second =
            frame(.text, [1], final: false, compressed: true) + frame(.continuation, [1], compressed: true)
        #expect(Received(second, compression: true).items == [.violation(.reservedBits)])
    }

    @Test func `a message inside a message is refused`() {
        let bytes = frame(.text, "a", final: false) + frame(.text, "b")
        #expect(Received(bytes).items == [.violation(.expectedContinuation)])
    }

    @Test func `nothing is heard after a violation`() {
        #expect(Received([0x83, 0x80] + frame(.text, "a")).items == [.violation(.reservedOpcode)])
    }

    @Test func `what one message may cost is limited`() {
        let limits = WebSocketLimits(messageBytesMax: 10, fragmentsMax: 5, emptyFragmentsMax: 2)
        let ten = [UInt8](repeating: 0, count: 10)
        #expect(Received(frame(.binary, ten), limits: limits).items == [.binary(ten)])
        #expect(Received(frame(.binary, ten + [0]), limits: limits).items == [.violation(.messageTooBig)])
        let split = frame(.binary, ten, final: false) + frame(.continuation, [0])
        #expect(Received(split, limits: limits).items == [.violation(.messageTooBig)])
        let empty = frame(.binary, [], final: false)
        let more = frame(.continuation, [], final: false)
        #expect(Received(empty + more + more, limits: limits).items == [.violation(.tooManyFragments)])
        let small = frame(.continuation, [1], final: false)
        #expect(
            Received(frame(.binary, [1], final: false) + small + small + small + small + small, limits: limits).items
                == [.violation(.tooManyFragments)]
        )
    }

    /// Where text stops being UTF-8, so where a receiver that fails fast must fail: bytes, and how many are too many.
    @Test(arguments: [
        ([0x61, 0xFF, 0x62], 2), ([0xC0, 0xAF], 1), ([0xC1], 1), ([0xE0, 0x80, 0x80], 2), ([0xED, 0xA0, 0x80], 2),
        ([0xF0, 0x80, 0x80, 0x80], 2), ([0xF4, 0x90, 0x80, 0x80], 2), ([0xF5], 1), ([0x80], 1),
        ([0xCE, 0xBA, 0xE1, 0xBD, 0xB9, 0xCF, 0x83, 0xCE, 0xBC, 0xCE, 0xB5, 0xF4, 0x90, 0x80, 0x80, 0x65], 13),
        ([0xE2, 0x82, 0x41], 3), ([0xFE], 1),
    ]) func `text that is not UTF-8 is refused at the byte that spoils it`(bytes: [UInt8], bad: Int) {
        // In one frame whose bytes come one by one, behind a head of six.
        let single = Received(frame(.text, bytes), step: 1)
        #expect(single.items == [.violation(.malformedText)])
        #expect(single.refusedAfter == 6 + bad)
        // One frame a byte: every byte costs seven.
        var frames: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            frames += frame(index == 0 ? .text : .continuation, [byte], final: false)
        }
        let fragmented = Received(frames, step: 7)
        #expect(fragmented.items == [.violation(.malformedText)])
        #expect(fragmented.refusedAfter == 7 * bad)
    }

    @Test func `text that ends within a character is refused at its end`() {
        for text in [[UInt8]([0xE2, 0x82]), [0x61, 0xC3], [0xF0, 0x9D, 0x84]] {
            #expect(Received(frame(.text, text)).items == [.violation(.malformedText)])
            let split = frame(.text, text, final: false) + frame(.continuation, [])
            #expect(Received(split).items == [.violation(.malformedText)])
        }
        let whole = frame(.text, [0xE2, 0x82], final: false) + frame(.continuation, [0xAC])
        #expect(Received(whole).items == [.text("€")])
    }

    @Test func `a close frame may carry nothing, a code, or a code and a reason`() {
        #expect(Received(frame(.close, [])).items == [.close(nil, "")])
        #expect(Received(frame(.close, [0x03, 0xE8])).items == [.close(1000, "")])
        #expect(Received(frame(.close, [0x03, 0xE9] + Array("é".utf8))).items == [.close(1001, "é")])
        #expect(Received(frame(.close, [0x03])).items == [.violation(.malformedClose)])
        #expect(Received(frame(.close, [0x03, 0xE8, 0xFF])).items == [.violation(.malformedCloseReason)])
        #expect(Received(frame(.close, [0x03, 0xE8, 0xE2, 0x82])).items == [.violation(.malformedCloseReason)])
    }

    @Test func `a close code is taken exactly when it may be sent`() {
        let allowed = Set(
            [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014] + Array(3000...4999)
        )
        for code in (0...6_000).map({ $0 }) + [65_535] {
            let taken = Received(frame(.close, [UInt8(code >> 8), UInt8(code & 255)])).items
            #expect(taken == (allowed.contains(code) ? [.close(UInt16(code), "")] : [.violation(.malformedClose)]))
        }
    }

    @Test func `a violation is closed with the code of its kind`() {
        #expect(WebSocketViolation.malformedText.closeCode == .invalidContent)
        #expect(WebSocketViolation.messageTooBig.closeCode == .tooBig)
        for violation in WebSocketViolation.allCases {
            #expect(violation.closeCode.mayBeSent)
            #expect(violation.reason.utf8CodeUnitCount <= 123)
        }
    }

    @Test func `a close frame that we write is read back, and a long reason is cut between characters`() {
        var output = ByteBuffer()
        WebSocketFrameWriter.appendClose(.goingAway, reason: "bye €", mask: 0x0102_0304, to: &output)
        #expect(Received(output.array()).items == [.close(1001, "bye €")])
        output.removeAll()
        let reason = String(repeating: "€", count: 50)
        WebSocketFrameWriter.appendClose(.normal, reason: reason, to: &output)
        #expect(Received(output.array(), role: .client).items == [.close(1000, String(reason.prefix(41)))])
        output.removeAll()
        WebSocketFrameWriter.appendClose(nil, to: &output)
        #expect(output.array() == [0x88, 0x00])
    }

    @Test func `writing what no peer may read is our bug`() async {
        await #expect(processExitsWith: .failure) { _ = frame(.ping, [UInt8](repeating: 0, count: 126)) }
        await #expect(processExitsWith: .failure) {
            var output = ByteBuffer()
            WebSocketFrameWriter.appendClose(WebSocketCloseCode(rawValue: 1006), to: &output)
        }
        await #expect(processExitsWith: .failure) { _ = WebSocketLimits(messageBytesMax: 0) }
    }
}
