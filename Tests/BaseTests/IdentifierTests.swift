import Base
import Testing

private enum Seat {}

@Suite("Identifier") struct IdentifierTests {
    private let morning = WallTime(nanoseconds: 1_795_252_438_123_000_000)

    @Test func `identifiers of one generator rise, whatever the clock does`() {
        var generator = IdentifierGenerator()
        var entropy = SeededEntropy(seed: 7)
        var clock = SeededEntropy(seed: 8)
        var last = Identifier<Seat>(bits: 0)
        for _ in 0..<20_000 {
            let step = Int64(clock.uniform(in: -2_000_000...3_000_000))
            let next: Identifier<Seat> = generator.make(
                at: WallTime(nanoseconds: morning.nanoseconds + step),
                entropy: &entropy
            )
            #expect(next > last)
            #expect(next.description > last.description || last.bits == 0)
            last = next
        }
    }

    @Test func `an identifier is a UUID of version 7 and tells when it was made`() {
        var generator = IdentifierGenerator()
        var entropy = SeededEntropy(seed: 7)
        for _ in 0..<100 {
            let identifier: Identifier<Seat> = generator.make(at: morning, entropy: &entropy)
            #expect(identifier.millisecondsSince1970 == morning.milliseconds)
            #expect(identifier.bits >> 76 & 15 == 7)
            #expect(identifier.bits >> 62 & 3 == 2)
        }
    }

    @Test func `a millisecond whose numbers are used up lends from the next`() {
        var generator = IdentifierGenerator()
        var entropy = ScriptedEntropy([.max, .max] + [UInt64](repeating: .max, count: 64))
        var last: Identifier<Seat> = generator.make(at: morning, entropy: &entropy)
        for _ in 0..<32 {
            let next: Identifier<Seat> = generator.make(at: morning, entropy: &entropy)
            #expect(next > last)
            last = next
        }
    }

    @Test func `moments before 1970 count as its beginning`() {
        var generator = IdentifierGenerator()
        var entropy = SeededEntropy(seed: 1)
        let old: Identifier<Seat> = generator.make(at: WallTime(nanoseconds: .min), entropy: &entropy)
        #expect(old.millisecondsSince1970 == 0)
    }

    @Test(arguments: [0, 1, 31, 32, UInt128(1) << 127, .max])
    func `the text of an identifier is read back`(bits: UInt128) throws {
        let text = Identifier<Seat>(bits: bits).description
        #expect(text.utf8.count == Identifier<Seat>.textBytes)
        #expect(try Identifier<Seat>(text: Array(text.utf8).span.bytes).bits == bits)
        #expect(try Identifier<Seat>(text: Array(text.uppercased().utf8).span.bytes).bits == bits)
    }

    @Test func `look-alikes are read as people mean them`() throws {
        let typed = Array("OIl00000000000000000000000".utf8)
        let meant = Array("01100000000000000000000000".utf8)
        #expect(
            try Identifier<Seat>(text: typed.span.bytes) == (try Identifier<Seat>(text: meant.span.bytes))
        )
    }

    @Test(arguments: [
        ("", IdentifierRefusal.wrongLength(0)), ("0", .wrongLength(1)),
        ("000000000000000000000000000", .wrongLength(27)), ("80000000000000000000000000", .tooLarge),
        ("0000000000000000000000000u", .foreignByte(offset: 25)),
        ("-0000000000000000000000000", .foreignByte(offset: 0)),
        ("0000000000000000000000000\u{0}", .foreignByte(offset: 25)),
    ])
    func `a text that is no identifier says why`(text: String, refusal: IdentifierRefusal) {
        #expect(throws: refusal) { try Identifier<Seat>(text: Array(text.utf8).span.bytes) }
    }
}

@Suite("Token") struct TokenTests {
    @Test func `a token is read back from its text, and equals no other`() throws {
        var entropy = SystemEntropy()
        let token = Token<Seat>(entropy: &entropy)
        var text = ByteBuffer()
        token.appendSecret(to: &text)
        #expect(text.count == Token<Seat>.textBytes)
        #expect(try Token<Seat>(text: text.bytes) == token)
        #expect(Token<Seat>(entropy: &entropy) != token)
    }

    @Test func `tokens that differ in one bit differ`() {
        for place in 0..<128 {
            var one = ScriptedEntropy([0, 0])
            var other = ScriptedEntropy(place < 64 ? [1 << place, 0] : [0, 1 << (place - 64)])
            #expect(Token<Seat>(entropy: &one) != Token<Seat>(entropy: &other))
        }
    }

    @Test func `nothing that prints a token tells it`() {
        var entropy = ScriptedEntropy([1, 2])
        let token = Token<Seat>(entropy: &entropy)
        var told = ""
        dump(token, to: &told)
        told += "\(token)" + String(reflecting: token) + "\([token])" + "\(Optional(token) as Any)"
        #expect(!told.contains("0000") && !told.contains("bits"))
        var bytes = ByteBuffer()
        token.appendSecretBytes(to: &bytes)
        #expect(bytes.array() == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2])
    }
}
