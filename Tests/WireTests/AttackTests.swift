import Base
import Testing
import Wire

@Suite("Wire under attack") struct AttackTests {
    @Test(
        arguments: [
            ("[", .json), ("{\"a\":", .json), ("[{\"a\":", .json), ("\u{91}", .messagePack), ("\u{9f}", .cbor),
            ("\u{81}", .cbor),
        ] as [(String, WireFormat)]
    )
    func `a hundred thousand brackets are refused at the limit`(_ bracket: String, _ format: WireFormat) {
        let one = bracket.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        let bomb = Array(repeatElement(one, count: 100_000).joined())
        #expect(refusal(bomb, format)?.kind == .tooDeep)
        #expect(throws: WireError.self) { try read(bomb, as: format) }
        for to in selfDescribing { #expect(throws: WireError.self) { try transcoded(bomb, format, to) } }
    }

    @Test func `exactly the limit of levels is accepted`() {
        for (depth, kind) in [(WireLimits.depthMax, nil), (WireLimits.depthMax + 1, WireError.Kind.tooDeep)] {
            let json = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            #expect(refusal(bytes(json), .json)?.kind == kind)
            let packed = Array(repeating: UInt8(0x91), count: depth - 1) + [0x90]
            #expect(refusal(packed, .messagePack)?.kind == kind)
            let cbor = Array(repeating: UInt8(0x81), count: depth - 1) + [0x80]
            #expect(refusal(cbor, .cbor)?.kind == kind)
            var nested: [UInt8] = []
            for _ in 1..<depth { nested = [0x0A] + varint(nested.count) + nested }
            #expect(protobufDepth(nested) == (kind == nil ? depth : WireLimits.depthMax))
        }
    }

    private func varint(_ value: Int) -> [UInt8] {
        value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7F | 0x80)] + varint(value >> 7)
    }

    /// How deep a chain of messages can be entered.
    private func protobufDepth(_ message: [UInt8]) -> Int {
        let input = buffer(message)
        var reader = ProtobufReader(input.bytes)
        var depth = 0
        while var scope = try? reader.beginObject() {
            depth += 1
            guard (try? reader.nextKey(in: &scope)) != nil else { break }
        }
        return depth
    }

    // Found by the fuzzer: a text without an end was read one byte too far when whole words ended with the message.
    @Test func `a text without an end is read to the last byte and no further`() {
        for count in 0..<64 {
            for start in ["\"", "\"\\n", "\"é"] {
                let message = bytes(start + String(repeating: "x", count: count))
                #expect(refusal(message, .json) == WireError(.endOfInput, expected: .text, at: message.count))
            }
        }
    }

    @Test func `a long chain of tags is walked once, not nested`() {
        let tags = Array(repeating: UInt8(0xC1), count: 200_000)
        #expect(refusal(tags, .cbor)?.kind == .endOfInput)
        #expect(refusal(tags + [0x00], .cbor) == nil)
        #expect((try? transcoded(tags + [0x00], .cbor, .json)) == bytes("0"))
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func `no part of a message is a message, and every part is a typed refusal`(seed: UInt64) throws {
        var dice = Dice(seed: seed)
        for format in selfDescribing {
            // In a container, because a number of JSON can be cut into a number.
            let message = try written(.array([dice.value(depth: 2, withBytes: true)]), as: format)
            for count in 0..<message.count {
                let part = Array(message[..<count])
                #expect(refusal(part, format) != nil)
                #expect(throws: WireError.self) { try read(part, as: format) }
            }
        }
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func `a message with wrong bytes is refused or read, never more`(seed: UInt64) throws {
        var dice = Dice(seed: seed)
        for format in selfDescribing {
            let message = try written(dice.value(depth: 3, withBytes: true), as: format)
            for _ in 0..<60 where !message.isEmpty {
                var wrong = message
                for _ in 0..<Int.random(in: 1...3, using: &dice) {
                    wrong[Int.random(in: 0..<wrong.count, using: &dice)] = UInt8.random(in: 0...255, using: &dice)
                }
                if let value = try? read(wrong, as: format) {
                    let again = try written(value, as: format)
                    #expect(try written(read(again, as: format), as: format) == again)
                }
                for to in selfDescribing { _ = try? transcoded(wrong, format, to) }
            }
        }
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `random bytes are a typed refusal in Protobuf or end where they end`(seed: UInt64) {
        var dice = Dice(seed: seed)
        for _ in 0..<2_000 {
            let input = buffer(
                (0..<Int.random(in: 0..<40, using: &dice)).map { _ in UInt8.random(in: 0...255, using: &dice) }
            )
            var reader = ProtobufReader(input.bytes)
            do {
                var scope = try reader.beginObject()
                while try reader.nextKey(in: &scope) != nil { try reader.skipValue() }
                try reader.finish()
                #expect(reader.offset == input.count)
            } catch {
                #expect(error.offset <= input.count)
            }
        }
    }
}
