import Base
import Testing
import Wire

@Suite("Transcoder") struct TranscoderTests {
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func `a value goes through every chain of formats and comes back equal`(seed: UInt64) throws {
        var dice = Dice(seed: seed)
        for _ in 0..<40 {
            let value = dice.value()
            for from in selfDescribing {
                let message = try written(value, as: from)
                for to in selfDescribing {
                    let other = try transcoded(message, from, to)
                    #expect(try read(other, as: to) == read(message, as: from))
                    #expect(try transcoded(other, to, from) == message)
                }
            }
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `bytes stay bytes between formats that have them`(seed: UInt64) throws {
        var dice = Dice(seed: seed)
        for _ in 0..<40 {
            let value = dice.value(withBytes: true)
            let packed = try written(value, as: .messagePack)
            let cbor = try transcoded(packed, .messagePack, .cbor)
            #expect(try transcoded(cbor, .cbor, .messagePack) == packed)
            #expect(try read(cbor, as: .cbor) == read(packed, as: .messagePack))
        }
    }

    @Test(
        arguments: [
            ("fb7ff0000000000000", .cbor, .json, 0), ("81f97e00", .cbor, .json, 1), ("8201f97c00", .cbor, .json, 2),
            ("81e0", .cbor, .json, 1), ("81e0", .cbor, .messagePack, 1),
            ("8200c249010000000000000000", .cbor, .messagePack, 2),
            ("82003bffffffffffffffff", .cbor, .messagePack, 2), ("91d6ff00000000", .messagePack, .json, 1),
            ("d401ff", .messagePack, .cbor, 0),
            ("92c0cb7ff0000000000000", .messagePack, .json, 2),
        ] as [(String, WireFormat, WireFormat, Int)]
    )
    func `what has no counterpart is refused where it stands in the input`(
        _ message: String,
        _ from: WireFormat,
        _ to: WireFormat,
        _ offset: Int
    ) {
        do {
            _ = try transcoded(hex(message), from, to)
            Issue.record("refused")
        } catch {
            #expect(error.kind == .noCounterpart)
            #expect(error.offset == offset)
        }
    }

    @Test(arguments: [
        ("c1a0", "80"), ("d9d9f78301d81802f7", "930102c0"), ("9f0102ff", "920102"), ("bf61619f9fffffff", "81a1619190"),
        ("9f82019fff8080bf6161a0ffff", "94920190909081a16180"), ("7f61616162ff", "a26162"),
        ("5f41014102ff", "c4020102"),
    ])
    func `CBOR becomes MessagePack with counts, and without tags`(_ cbor: String, _ packed: String) throws {
        #expect(try hex(transcoded(hex(cbor), .cbor, .messagePack)) == packed)
    }

    @Test(
        arguments: [
            ("a201020304", .cbor), ("a1f6f4", .cbor), ("a1c101c102", .cbor), ("a180a1a001", .cbor),
            ("a2200081f900004101", .cbor), ("a1c249010000000000000000e0", .cbor),
            ("8181c0c001", .messagePack), ("81c0c0", .messagePack), ("8293010203a16180d4ff00", .messagePack),
        ] as [(String, WireFormat)]
    )
    func `a key that is not text stays within its format and is refused elsewhere`(
        _ message: String,
        _ format: WireFormat
    ) throws {
        #expect(try hex(transcoded(hex(message), format, format)) == message)
        for other in selfDescribing where other != format {
            #expect(throws: WireError(.keyNotText, expected: .textKey, at: 1)) {
                try transcoded(hex(message), format, other)
            }
        }
        #expect(throws: WireError(.keyNotText, expected: .textKey, at: 1)) { try read(hex(message), as: format) }
        for count in 0..<message.count / 2 {
            #expect(refusal(Array(hex(message)[..<count]), format) != nil)
        }
    }

    @Test func `keys within keys are as bounded as values within values`() {
        for (depth, kind) in [(WireLimits.depthMax, nil), (WireLimits.depthMax + 1, WireError.Kind.tooDeep)] {
            let cbor = [UInt8](repeating: 0xA1, count: depth) + [UInt8](repeating: 0, count: depth + 1)
            #expect(refusal(cbor, .cbor)?.kind == kind)
            let packed = [UInt8](repeating: 0x81, count: depth) + [UInt8](repeating: 0, count: depth + 1)
            #expect(refusal(packed, .messagePack)?.kind == kind)
        }
    }

    @Test func `a map without a count gets one, whatever its keys`() throws {
        #expect(try hex(transcoded(hex("bf01bf0203ff9f04ff05ff"), .cbor, .cbor)) == "a201a10203810405")
    }

    // Found by the fuzzer: a NaN with other bits came back with fewer of them.
    @Test(arguments: ["faffffffff", "fb7ff8000000000001", "f97e01"])
    func `every NaN is written as the same one`(_ cbor: String) throws {
        #expect(try hex(transcoded(hex(cbor), .cbor, .messagePack)) == "ca7fc00000")
        #expect(try hex(transcoded(hex("ca7fc00000"), .messagePack, .cbor)) == "f97e00")
    }

    @Test func `a failed run leaves the output as it was`() {
        let input = buffer(bytes(#"{"a":[1,2,{"b":tru"#))
        for format in selfDescribing {
            var output = ByteBuffer()
            output.append("before")
            #expect(throws: WireError(.endOfInput, expected: .bool, at: 18)) {
                try Transcoder.transcode(from: .json, to: format, input: input.bytes, output: &output)
            }
            #expect(text(output.array()) == "before")
        }
    }

    @Test func `Protobuf needs a schema`() {
        #expect(throws: WireError(.needsSchema, expected: .schema, at: 0)) { try transcoded([], .protobuf, .json) }
        #expect(throws: WireError(.needsSchema, expected: .schema, at: 0)) {
            try transcoded(bytes("1"), .json, .protobuf)
        }
    }
}
