import Base
import Testing

@testable import Web

/// A body as its reader saw it.
private struct SeenBody: Equatable {
    var bytes = ""
    var trailers: [String] = []
    var end = HTTPBodyEvent.needMore
    var rest = ""

    init(_ text: String, _ framing: HTTPBodyFraming = .chunked, step: Int = .max, _ limits: HTTPLimits = .usual) {
        let all = Array(text.utf8)
        var reader = HTTPBodyReader(framing, limits: limits)
        var held: [UInt8] = []
        var given = 0
        repeat {
            let next = given + min(step, all.count - given)
            held += all[given..<next]
            given = next
            var offset = 0
            lend(held) { span in
                var event = reader.next(span, &offset)
                while true {
                    if case .bytes(let range) = event {
                        bytes += String(decoding: span.slice(range).array, as: UTF8.self)
                    } else if case .trailer(let field) = event {
                        trailers.append(
                            "\(span.slice(field.name).text() ?? "?")=\(span.slice(field.value).text() ?? "?")"
                        )
                    } else {
                        break
                    }
                    event = reader.next(span, &offset)
                }
                end = event
            }
            held.removeFirst(offset)
        } while given < all.count && end == .needMore
        rest = String(decoding: held + all[given...], as: UTF8.self)
    }
}

@Suite("Bodies") struct ProtocolBodyTests {
    static let good = "5\r\nhello\r\n00A;x=y;z;q=\"a\\\"b\"\r\n0123456789\r\n0\r\nX-Sum: 1\r\nEtag: \"2\"\r\n\r\n"

    @Test(arguments: 1...80) func `chunks are joined the same however they are cut`(step: Int) {
        let body = SeenBody(Self.good + "NEXT", step: step)
        #expect(body.bytes == "hello0123456789")
        #expect(body.trailers == ["X-Sum=1", "Etag=\"2\""])
        #expect(body.end == .end)
        #expect(body.rest == "NEXT")
    }

    @Test func `every split in two gives the same body`() {
        let bytes = Array(Self.good.utf8)
        let whole = SeenBody(Self.good)
        for cut in 1..<bytes.count { #expect(SeenBody(Self.good, step: cut) == whole) }
    }

    @Test(arguments: [
        "\r\n", ";\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x5\r\n", " 5\r\nhello\r\n", "5 \r\nhello\r\n", "5\nhello\r\n",
        "5\r\nhello\n", "5\r\nhellox\r\n", "5\r\nhello\r\r\n", "5\rx\nhello", "5;\r\nhello\r\n", "5; a\r\n", "5;a=\r\n",
        "5;a=\"b\r\n", "5;a=\u{1}\r\n", "5;a\u{0}\r\n", "1000000000000000\r\n", "ffffffffffffffff\r\n",
        "0000000000000000000005\r\n", "0\r\n\n", "0\r\nA\r\n\r\n", "0\r\n A: b\r\n\r\n", "0\r\nA : b\r\n\r\n",
        "0\r\nA: b\n\r\n", "0\r\nA: b\u{0}\r\n\r\n", "0\r\nContent-Length: 5\r\n\r\n", "0\r\nHost: a\r\n\r\n",
        "0\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\nAuthorization: x\r\n\r\n", "0\r\nSet-Cookie: x\r\n\r\n",
        "0\r\ncontent-TYPE: x\r\n\r\n",
    ]) func `framing that can be read in two ways is refused`(text: String) {
        for step in [1, 2, 3, Int.max] {
            guard case .refused(let refusal) = SeenBody(text, step: step).end else {
                Issue.record("accepted in pieces of \(step): \(text.debugDescription)")
                continue
            }
            #expect((400...599).contains(refusal.status))
        }
    }

    @Test func `what framing may cost is limited`() {
        let limits = HTTPLimits(
            fieldsMax: 2,
            chunkLineBytesMax: 20,
            chunkExtensionBytesMax: 30,
            trailerBytesMax: 40
        )
        #expect(SeenBody("5;" + String(repeating: "a", count: 100), limits: limits).end == .refused(.chunkLineTooLong))
        let chunk = "1;abcdefghij\r\nx\r\n"
        #expect(SeenBody(chunk + chunk, limits: limits).end == .needMore)
        #expect(SeenBody(chunk + chunk + chunk, limits: limits).end == .refused(.chunkLineTooLong))
        #expect(SeenBody("0\r\nA: b\r\nA: b\r\nA: b\r\n\r\n", limits: limits).end == .refused(.tooManyFields))
        #expect(
            SeenBody("0\r\nA: " + String(repeating: "b", count: 60), limits: limits).end == .refused(.headTooLarge)
        )
    }

    @Test func `a body of known length ends after its bytes`() {
        let body = SeenBody("helloNEXT", .length(5), step: 2)
        #expect(body.bytes == "hello")
        #expect(body.end == .end)
        #expect(body.rest.hasSuffix("NEXT") || body.rest == "NEXT")
        #expect(SeenBody("hel", .length(5)).end == .needMore)
        #expect(SeenBody("NEXT", .none).rest == "NEXT")
    }

    @Test func `only a body that ends with its connection may be cut off by it`() {
        #expect(HTTPBodyReader(.untilClose, limits: .usual).mayEndWithConnection)
        #expect(!HTTPBodyReader(.length(1), limits: .usual).mayEndWithConnection)
        #expect(!HTTPBodyReader(.chunked, limits: .usual).mayEndWithConnection)
        #expect(SeenBody("abc", .untilClose).bytes == "abc")
    }

    @Test(arguments: [1, 15, 16, 255, 4_096, 70_000]) func `a chunk that we write is read back`(count: Int) {
        let text = String(repeating: "x", count: count)
        var output = ByteBuffer()
        lend(text) { HTTPWriter.appendChunk($0, to: &output) }
        lend("") { HTTPWriter.appendChunk($0, to: &output) }
        HTTPWriter.endChunks(&output)
        let body = SeenBody(output.string())
        #expect(body.bytes == text)
        #expect(body.end == .end)
    }
}

extension SeenBody {
    fileprivate init(_ text: String, limits: HTTPLimits) { self.init(text, .chunked, step: .max, limits) }
}

@Suite("Heads that we write") struct ProtocolWriterTests {
    @Test func `a response is written as the standard shows it`() throws {
        var output = ByteBuffer()
        var date = HTTPDate()
        try HTTPWriter.appendStatus(404, to: &output)
        output.append("Date: ")
        date.append(WallTime(nanoseconds: 784_111_777_500_000_000), to: &output)
        output.append("\r\n")
        try HTTPWriter.appendField("Content-Length", decimal: 0, to: &output)
        try HTTPWriter.appendField(name: "X-A", "b\tc é", to: &output)
        HTTPWriter.endHead(&output)
        #expect(
            output.string()
                == "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\nX-A: b\tc é\r\n\r\n"
        )
    }

    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (1_709_164_799, "Wed, 28 Feb 2024 23:59:59 GMT"), (1_709_251_200, "Fri, 01 Mar 2024 00:00:00 GMT"),
        (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (-5, "Thu, 01 Jan 1970 00:00:00 GMT"),
    ]) func `a date is written in the one form that is left`(second: Int64, text: String) {
        var output = ByteBuffer()
        var date = HTTPDate()
        date.append(WallTime(nanoseconds: second * 1_000_000_000), to: &output)
        date.append(WallTime(nanoseconds: second * 1_000_000_000), to: &output)
        #expect(output.string() == text + text)
    }

    @Test(arguments: ["a\r\nSet-Cookie: x", "a\nb", "a\rb", "a\u{0}b", "a\u{7F}"])
    func `a value can't begin a line of its own`(value: String) {
        var output = ByteBuffer()
        output.append("kept")
        #expect(throws: HTTPWriteFault.malformedValue) { try HTTPWriter.appendField(name: "A", value, to: &output) }
        #expect(throws: HTTPWriteFault.malformedValue) {
            try lend(value) { try HTTPWriter.appendField("A", $0, to: &output) }
        }
        #expect(output.string() == "kept")
    }

    @Test(arguments: ["", "A B", "A:", "A\r\nB", "é", "A\u{0}"]) func `a name must be a token`(name: String) {
        var output = ByteBuffer()
        #expect(throws: HTTPWriteFault.malformedName) { try HTTPWriter.appendField(name: name, "x", to: &output) }
        #expect(output.string() == "")
    }

    @Test func `a request line can't hold a second one`() throws {
        var output = ByteBuffer()
        for target in ["", "/a b", "/\r\nX: y", "/\u{0}", "/#a", "/é"] {
            #expect(throws: HTTPWriteFault.malformedTarget) {
                try HTTPWriter.appendRequest("GET", target: target, to: &output)
            }
        }
        #expect(throws: HTTPWriteFault.malformedTarget) {
            try HTTPWriter.appendRequest("G T", target: "/", to: &output)
        }
        try HTTPWriter.appendRequest("GET", target: "/a?b", to: &output)
        #expect(output.string() == "GET /a?b HTTP/1.1\r\n")
        #expect(throws: HTTPWriteFault.malformedStatus) { try HTTPWriter.appendStatus(99, to: &output) }
    }
}
