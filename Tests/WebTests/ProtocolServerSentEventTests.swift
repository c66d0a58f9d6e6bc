import Base
import Testing

@testable import Web

private func read(_ bytes: [UInt8], step: Int, max: Int = 1 << 20) throws -> [ServerSentEvent] {
    var reader = ServerSentEventReader(eventBytesMax: max)
    var events: [ServerSentEvent] = []
    for start in stride(from: 0, to: bytes.count, by: step) {
        try lend(Array(bytes[start..<min(start + step, bytes.count)])) { try reader.read($0, into: &events) }
    }
    return events
}

@Suite("Server-sent events") struct ProtocolServerSentEventTests {
    @Test(arguments: 1...40) func `events are read the same however the stream is cut`(step: Int) throws {
        let stream =
            "\u{FEFF}: hello\n\ndata: a\r\ndata:b\rdata\nid: 7\nevent: tick\nretry: 10\n\r\n"
            + "data:  two\nfoo: bar\nid\n\nevent: lost\n\ndata: é\n\ndata: cut off"
        #expect(
            try read(Array(stream.utf8), step: step) == [
                ServerSentEvent(event: "tick", data: "a\nb\n", lastID: "7"),
                ServerSentEvent(event: "message", data: " two", lastID: ""),
                ServerSentEvent(event: "message", data: "é", lastID: ""),
            ]
        )
    }

    @Test func `what is written is read back`() throws {
        var output = ByteBuffer()
        try lend("line 1\r\nline 2\rline 3\n") {
            try ServerSentEventWriter.append($0, event: "news", id: "42", to: &output)
        }
        lend("ping\nagain") { ServerSentEventWriter.appendComment($0, to: &output) }
        ServerSentEventWriter.appendRetry(milliseconds: 1_500, to: &output)
        try lend("") { try ServerSentEventWriter.append($0, to: &output) }
        #expect(
            try read(output.array(), step: 3) == [
                ServerSentEvent(event: "news", data: "line 1\nline 2\nline 3\n", lastID: "42"),
                ServerSentEvent(event: "message", data: "", lastID: "42"),
            ]
        )
    }

    @Test func `a name or id can't begin a field of its own`() {
        var output = ByteBuffer()
        lend("x") { data in
            #expect(throws: ServerSentEventFault.lineBreakInName) {
                try ServerSentEventWriter.append(data, event: "a\ndata: b", to: &output)
            }
            #expect(throws: ServerSentEventFault.lineBreakInID) {
                try ServerSentEventWriter.append(data, id: "a\rdata: b", to: &output)
            }
        }
        #expect(output.string() == "")
    }

    @Test func `a stream that grows without an event or is not text is given up`() {
        #expect(throws: ServerSentEventRefusal.tooLong) {
            try read([UInt8](repeating: 0x61, count: 200), step: 7, max: 100)
        }
        let lines = Array(String(repeating: "data: aaaa\n", count: 100).utf8)
        #expect(throws: ServerSentEventRefusal.tooLong) { try read(lines, step: 7, max: 100) }
        #expect(throws: ServerSentEventRefusal.malformedText) {
            try read(Array("data: ".utf8) + [0xFF, 0x0A, 0x0A], step: 1)
        }
    }
}
