import Base
import Testing

@Suite("BinaryText") struct BinaryTextTests {
    /// RFC 4648 §10.
    private static let examples = [
        ("", "", ""), ("f", "Zg==", "66"), ("fo", "Zm8=", "666f"), ("foo", "Zm9v", "666f6f"),
        ("foob", "Zm9vYg==", "666f6f62"), ("fooba", "Zm9vYmE=", "666f6f6261"), ("foobar", "Zm9vYmFy", "666f6f626172"),
    ]

    @Test(arguments: examples) func `the examples of the standard`(plain: String, base64: String, hex: String) throws {
        #expect(encoded(plain) { Base64.standard.append($0, to: &$1) } == base64)
        #expect(encoded(plain) { Base64.url.append($0, to: &$1) } == base64.filter { $0 != "=" })
        #expect(encoded(plain) { Hex.append($0, to: &$1) } == hex)
        #expect(try decoded(base64, .standard) == Array(plain.utf8))
        #expect(try decoded(base64.filter { $0 != "=" }, .url) == Array(plain.utf8))
        var out = ByteBuffer()
        try Hex.decode(Array(hex.uppercased().utf8).span.bytes, into: &out)
        #expect(out.array() == Array(plain.utf8))
    }

    @Test(arguments: 0..<70) func `any bytes are read back as they were`(count: Int) throws {
        var entropy = SeededEntropy(seed: UInt64(count))
        var bytes = ByteBuffer()
        entropy.append(count, to: &bytes)
        for alphabet in [Base64.standard, .url] {
            var text = ByteBuffer()
            alphabet.append(bytes.bytes, to: &text)
            var back = ByteBuffer()
            try alphabet.decode(text.bytes, into: &back)
            #expect(back.array() == bytes.array())
        }
    }

    @Test(arguments: [
        ("Zg=", BinaryTextRefusal.cutShort), ("Zg", .cutShort), ("Z", .cutShort), ("Z===", .foreignByte(offset: 1)),
        ("Zh==", .looseBits(offset: 1)), ("Zm9=", .looseBits(offset: 2)), ("Zg=a", .foreignByte(offset: 2)),
        ("====", .foreignByte(offset: 0)), ("Zm 9", .foreignByte(offset: 2)), ("Zm-_", .foreignByte(offset: 2)),
        ("Zm9v\nZg=", .foreignByte(offset: 4)),
    ])
    func `a second text for the same bytes is refused`(text: String, refusal: BinaryTextRefusal) {
        #expect(throws: refusal) { try decoded(text, .standard) }
    }

    @Test(arguments: [
        ("Zg==", BinaryTextRefusal.foreignByte(offset: 2)), ("Zh", .looseBits(offset: 1)), ("Z", .cutShort),
        ("Zm+/", .foreignByte(offset: 2)),
    ])
    func `an address's alphabet has no padding`(text: String, refusal: BinaryTextRefusal) {
        #expect(throws: refusal) { try decoded(text, .url) }
    }

    @Test(arguments: [
        ("0", BinaryTextRefusal.cutShort), ("0g", .foreignByte(offset: 1)), ("-1", .foreignByte(offset: 0)),
    ])
    func `digits that are none are told by their place`(text: String, refusal: BinaryTextRefusal) {
        #expect(throws: refusal) {
            var out = ByteBuffer()
            try Hex.decode(Array(text.utf8).span.bytes, into: &out)
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `garbage is decoded to what encodes to it again, or refused`(seed: UInt64) {
        var entropy = SeededEntropy(seed: seed)
        let alphabet = Array("AZaz09+/=-_ \n".utf8)
        let text = (0..<entropy.uniform(in: 0...12)).map { _ in alphabet[entropy.uniform(in: 0...alphabet.count - 1)] }
        for codec in [Base64.standard, .url] {
            var bytes = ByteBuffer()
            guard (try? codec.decode(text.span.bytes, into: &bytes)) != nil else { continue }
            var again = ByteBuffer()
            codec.append(bytes.bytes, to: &again)
            #expect(again.array() == text)
        }
    }

    private func encoded(_ plain: String, _ encode: (RawSpan, inout ByteBuffer) -> Void) -> String {
        var out = ByteBuffer()
        encode(Array(plain.utf8).span.bytes, &out)
        return String(decoding: out.array(), as: UTF8.self)
    }

    private func decoded(_ text: String, _ codec: Base64) throws(BinaryTextRefusal) -> [UInt8] {
        var out = ByteBuffer()
        try codec.decode(Array(text.utf8).span.bytes, into: &out)
        return out.array()
    }
}
