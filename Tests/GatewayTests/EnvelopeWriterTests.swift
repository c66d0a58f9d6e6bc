import Base
import Testing
import Wire

@testable import Gateway

@Suite struct EnvelopeWriterTests {
    private func written(_ format: WireFormat, _ write: (inout ByteBuffer) -> Void) throws -> Value {
        var output = ByteBuffer()
        write(&output)
        return try Value(output.bytes, as: format)
    }

    private func value(_ json: String) throws -> Value {
        var text = ByteBuffer()
        text.append(utf8: json)
        return try Value(text.bytes, as: .json)
    }

    private func text(_ write: (inout ByteBuffer) -> Void) -> String {
        var output = ByteBuffer()
        write(&output)
        return String(decoding: output.array(), as: UTF8.self)
    }

    @Test func `a response is the design's own example`() {
        let response = text { output in
            let open = EnvelopeWriter.beginResponse(12_345, .json, to: &output)
            output.append(#"{"damage":7}"#)
            EnvelopeWriter.endResponse(open, .json, to: &output)
        }
        #expect(response == #"{"type":"response","id":12345,"result":{"damage":7}}"#)
    }

    @Test func `an error is the design's own example`() {
        let failure = EnvelopeWriter.Failure(
            code: .invalidAction,
            message: "Cannot attack while stunned",
            details: .object(["stun_remaining_ms": .int(500)])
        )
        #expect(
            text { EnvelopeWriter.append(failure, id: 12_345, .json, to: &$0) }
                == #"{"type":"response","id":12345,"error":{"code":"INVALID_ACTION","#
                + #""message":"Cannot attack while stunned","details":{"stun_remaining_ms":500},"retry":false}}"#
        )
    }

    @Test(arguments: [WireFormat.json, .messagePack, .cbor])
    func `all self-describing formats say the same`(format: WireFormat) throws {
        let answer = try value(#"{"damage":7}"#)
        let response = try written(format) { output in
            let open = EnvelopeWriter.beginResponse(9, format, to: &output)
            try? answer.write(format, to: &output)
            EnvelopeWriter.endResponse(open, format, to: &output)
        }
        #expect(try response == value(#"{"type":"response","id":9,"result":{"damage":7}}"#))
        let nothing = try written(format) { output in
            let open = EnvelopeWriter.beginResponse(9, format, to: &output)
            EnvelopeWriter.endResponse(open, format, to: &output)
        }
        #expect(try nothing == value(#"{"type":"response","id":9,"result":null}"#))
        let failure = EnvelopeWriter.Failure(code: .rateLimited, message: "slow", retryAfterMilliseconds: 90)
        let error = try written(format) { EnvelopeWriter.append(failure, id: nil, format, to: &$0) }
        let expected =
            #"{"type":"response","error":{"code":"RATE_LIMITED","message":"slow","retry":true,"retry_after_ms":90}}"#
        #expect(try error == value(expected))
    }

    @Test(arguments: [WireFormat.json, .messagePack, .cbor])
    func `events are a head and a shared tail`(format: WireFormat) throws {
        var data = ByteBuffer()
        try Value.object(["hp": .int(3)]).write(format, to: &data)
        var tail = EnvelopeWriter.Tail(event: "player.hit", timestampMilliseconds: 1_000)
        tail.topic = "arena:1"
        let reliable = try written(format) { output in
            EnvelopeWriter.appendEventHead(seq: 300, entries: tail.entries(hasData: true), format, to: &output)
            EnvelopeWriter.append(tail, data: data.bytes, format, to: &output)
        }
        let expected =
            #"{"type":"event","seq":300,"event":"player.hit","data":{"hp":3},"timestamp":1000,"topic":"arena:1"}"#
        #expect(try reliable == value(expected))
        let latest = try written(format) { output in
            EnvelopeWriter.appendEventHead(seq: nil, entries: tail.entries(hasData: false), format, to: &output)
            EnvelopeWriter.append(tail, data: RawSpan(), format, to: &output)
        }
        #expect(
            try latest == value(#"{"type":"event","event":"player.hit","timestamp":1000,"topic":"arena:1"}"#)
        )
    }

    @Test(arguments: [WireFormat.json, .messagePack, .cbor])
    func `questions and pongs`(format: WireFormat) throws {
        var params = ByteBuffer()
        try Value.object(["text": .string("sure?")]).write(format, to: &params)
        let request = try written(format) { output in
            EnvelopeWriter.appendRequest(
                4,
                method: "client.confirm",
                params: params.bytes,
                timeoutMilliseconds: 900,
                format,
                to: &output
            )
        }
        let expected =
            #"{"type":"request","id":4,"method":"client.confirm","timeout_ms":900,"params":{"text":"sure?"}}"#
        #expect(try request == value(expected))
        let pong = try written(format) { EnvelopeWriter.appendPong(1.5, server: 1_000.25, format, to: &$0) }
        #expect(try pong == value(#"{"type":"pong","t":1.5,"server":1000.25}"#))
    }

    @Test(arguments: [0, 1, 127, 128, 16_383, 16_384, 70_000])
    func `a result of any length stands behind its length in Protobuf`(count: Int) throws {
        var output = ByteBuffer()
        let open = EnvelopeWriter.beginResponse(5, .protobuf, to: &output)
        output.append([UInt8](repeating: 0x61, count: count))
        EnvelopeWriter.endResponse(open, .protobuf, to: &output)
        let read = EnvelopeFrames.read(output.array(), .protobuf)
        #expect(read == ReadFrame(items: ["response id=5 result"]))
    }

    @Test func `details that JSON can't hold are left out`() {
        let failure = EnvelopeWriter.Failure(code: .invalidAction, message: "no", details: .double(.nan))
        #expect(
            text { EnvelopeWriter.append(failure, id: 1, .json, to: &$0) }
                == #"{"type":"response","id":1,"error":{"code":"INVALID_ACTION","message":"no","retry":false}}"#
        )
    }
}
