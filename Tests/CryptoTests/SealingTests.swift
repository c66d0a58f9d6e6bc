import Base
import Crypto
import Testing

@Suite("Sealing") struct SealingTests {
    private static let plain: Bytes =
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
    private static let sealed: Bytes =
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
    private static let key: Bytes = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"

    struct Example: Sendable {
        let key: Bytes
        let nonce: Bytes
        let plain: Bytes
        let context: Bytes
        let sealed: Bytes
        let tag: Bytes
    }

    /// The cases 13 to 16 of the GCM specification submitted to NIST.
    private static let examples = [
        Example(
            key: Bytes(repeating: 0, 32),
            nonce: Bytes(repeating: 0, 12),
            plain: "",
            context: "",
            sealed: "",
            tag: "530f8afbc74536b9a963b4f1c4cb738b"
        ),
        Example(
            key: Bytes(repeating: 0, 32),
            nonce: Bytes(repeating: 0, 12),
            plain: Bytes(repeating: 0, 16),
            context: "",
            sealed: "cea7403d4d606b6e074ec5d3baf39d18",
            tag: "d0d1c8a799996bf0265b98b5d48ab919"
        ),
        Example(
            key: key,
            nonce: "cafebabefacedbaddecaf888",
            plain: plain,
            context: "",
            sealed: sealed,
            tag: "b094dac5d93471bdec1a502270e3cc6c"
        ),
        Example(
            key: key,
            nonce: "cafebabefacedbaddecaf888",
            plain: Bytes(Array(plain.array.prefix(60))),
            context: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            sealed: Bytes(Array(sealed.array.prefix(60))),
            tag: "76fc6ece0f4e1768cddf8853bb2d551b"
        ),
    ]

    @Test(arguments: examples) func `the examples of the standard`(example: Example) throws {
        let key = try SealingKey(SecretBytes(example.key.span))
        let nonce = try SealingNonce(example.nonce.span)
        var out = ByteBuffer()
        try key.seal(example.plain.span, nonce: nonce, context: example.context.span, into: &out)
        #expect(out.array() == example.sealed.array + example.tag.array)
        var back = ByteBuffer()
        back.append("before")
        try key.open(out.bytes, nonce: nonce, context: example.context.span, into: &back)
        #expect(back.array() == Array("before".utf8) + example.plain.array)
    }

    @Test func `any bit changed in text, tag, nonce, context or key is refused and shows nothing`() throws {
        let example = Self.examples[3]
        let sealed = example.sealed.array + example.tag.array
        var parts = [example.key.array, example.nonce.array, example.context.array, sealed]
        for part in parts.indices {
            for bit in 0..<parts[part].count * 8 {
                parts[part][bit / 8] ^= 1 << UInt8(bit % 8)
                let key = try SealingKey(SecretBytes(Bytes(parts[0]).span))
                var out = ByteBuffer()
                out.append("before")
                #expect(throws: CryptoRefusal.notAuthentic) {
                    try key.open(
                        Bytes(parts[3]).span,
                        nonce: SealingNonce(Bytes(parts[1]).span),
                        context: Bytes(parts[2]).span,
                        into: &out
                    )
                }
                #expect(out.array() == Array("before".utf8))
                parts[part][bit / 8] ^= 1 << UInt8(bit % 8)
            }
        }
    }

    @Test(arguments: [0, 1, 15, 16, 17, 4_096, 100_000])
    func `what is sealed with a drawn nonce opens, and every cut of it is refused`(count: Int) throws {
        var entropy = ScriptedEntropy(seed: UInt64(count))
        let key = SealingKey(entropy: &entropy)
        let plain = Bytes((0..<count).map { UInt8(truncatingIfNeeded: $0) })
        let context = Bytes(text: "player 7")
        var sealed = ByteBuffer()
        try key.seal(plain.span, context: context.span, entropy: &entropy, into: &sealed)
        #expect(sealed.count == count + 28)
        var back = ByteBuffer()
        try key.open(sealed.bytes, context: context.span, into: &back)
        #expect(back.array() == plain.array)
        let whole = Bytes(sealed)
        for cut in [0, 1, 11, 12, 27, 28, count + 27] where cut < count + 28 {
            #expect(throws: CryptoRefusal.notAuthentic) {
                try key.open(whole.span.extracting(first: cut), context: context.span, into: &back)
            }
        }
        #expect(back.count == count)
    }

    @Test func `counted nonces are prefix and number, most significant first`() throws {
        let counted = SealingNonce(prefix: 0x0102_0304, number: 0x0506_0708_090A_0B0C)
        #expect(counted == (try SealingNonce(Bytes(from: 1, through: 12).span)))
    }

    @Test(arguments: [0, 16, 31, 33]) func `a key of another length is refused`(count: Int) {
        #expect(throws: CryptoRefusal.wrongLength(expected: 32, found: count)) {
            _ = try SealingKey(SecretBytes(Bytes(repeating: 0, count).span))
        }
        #expect(throws: CryptoRefusal.wrongLength(expected: 12, found: count)) {
            _ = try SealingNonce(Bytes(repeating: 0, count).span)
        }
    }
}
