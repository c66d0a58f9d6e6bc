public import Base

/// Why an event can't be written: a line break in a name or id would begin a field of its own.
public enum ServerSentEventFault: Error, Equatable, Sendable {
    case lineBreakInName
    case lineBreakInID
}

/// Writes a stream of server-sent events (`text/event-stream`, WHATWG HTML §9.2).
public enum ServerSentEventWriter {
    /// Appends one event. Each line of the data becomes a line of the stream, whichever line end it has.
    public static func append(
        _ data: RawSpan,
        event: String? = nil,
        id: String? = nil,
        to output: inout ByteBuffer
    ) throws(ServerSentEventFault) {
        if let event, event.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D }) { throw .lineBreakInName }
        // A reader ignores an id with NUL in it, so such an id would silently not be kept.
        if let id, id.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D || $0 == 0 }) { throw .lineBreakInID }
        if let event {
            output.append("event: ")
            output.append(utf8: event)
            output.append(.lineFeed)
        }
        if let id {
            output.append("id: ")
            output.append(utf8: id)
            output.append(.lineFeed)
        }
        appendLines("data: ", data, to: &output)
        output.append(.lineFeed)
    }

    /// Appends how long a reader waits before it connects again.
    public static func appendRetry(milliseconds: Int, to output: inout ByteBuffer) {
        precondition(milliseconds >= 0)
        output.append("retry: ")
        output.append(decimal: milliseconds)
        output.append("\n\n")
    }

    /// Appends a comment, which readers skip: it keeps proxies from closing a quiet stream.
    public static func appendComment(_ text: RawSpan, to output: inout ByteBuffer) {
        appendLines(": ", text, to: &output)
        output.append(.lineFeed)
    }

    private static func appendLines(_ prefix: StaticString, _ text: RawSpan, to output: inout ByteBuffer) {
        var start = 0
        while true {
            var end = start
            while end < text.byteCount, text.byte(end) != .lineFeed, text.byte(end) != .carriageReturn { end &+= 1 }
            output.append(prefix)
            output.append(text.extracting(start..<end))
            output.append(.lineFeed)
            guard end < text.byteCount else { return }
            let isPair =
                text.byte(end) == .carriageReturn && end + 1 < text.byteCount && text.byte(end + 1) == .lineFeed
            start = end &+ (isPair ? 2 : 1)
        }
    }
}

/// One event as a reader sees it.
public struct ServerSentEvent: Equatable, Sendable {
    /// Its name; `message` when the stream gives none.
    public var event: String
    /// Its data, lines joined by line feeds.
    public var data: String
    /// The last id that the stream gave.
    public var lastID: String
}

/// Why a stream of events is given up.
public enum ServerSentEventRefusal: Error, Equatable, Sendable {
    /// An event or line is longer than the limit.
    case tooLong
    /// The stream is not UTF-8.
    case malformedText
}

/// Reads a stream of server-sent events, for the client and for tests. Bytes may be cut anywhere.
public struct ServerSentEventReader: ~Copyable, Sendable {
    /// The wait that the stream last asked for.
    public private(set) var retryMilliseconds: Int?

    private let eventBytesMax: Int
    private var line = ByteBuffer()
    private var data = ByteBuffer()
    private var hasData = false
    private var event = ""
    private var lastID = ""
    private var endedWithReturn = false
    private var isFirstLine = true

    /// Starts at the first byte of a stream.
    public init(eventBytesMax: Int = 1 << 20) {
        precondition(eventBytesMax > 0)
        self.eventBytesMax = eventBytesMax
    }

    /// Takes the next bytes and appends the events that they complete.
    public mutating func read(
        _ bytes: RawSpan,
        into events: inout [ServerSentEvent]
    ) throws(ServerSentEventRefusal) {
        for index in 0..<bytes.byteCount {
            let byte = bytes.byte(index)
            if byte == .lineFeed, endedWithReturn {
                endedWithReturn = false
                continue
            }
            endedWithReturn = byte == .carriageReturn
            if byte == .lineFeed || byte == .carriageReturn {
                if let event = try endLine() { events.append(event) }
            } else {
                guard line.count + data.count < eventBytesMax else { throw .tooLong }
                line.append(byte)
            }
        }
    }

    private mutating func endLine() throws(ServerSentEventRefusal) -> ServerSentEvent? {
        defer { line.removeAll() }
        if isFirstLine {
            isFirstLine = false
            let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
            if line.count >= 3, (0..<3).allSatisfy({ line.bytes.byte($0) == mark[$0] }) { line.removeFirst(3) }
        }
        guard !line.isEmpty else { return try dispatch() }
        let count = line.count
        let colon = line.bytes.find(UInt8(ascii: ":"), from: 0, to: count)
        var start = min(colon + 1, count)
        if start < count, line.bytes.byte(start) == .space { start += 1 }
        switch Field(line.bytes.extracting(first: colon)) {
        case .data:
            if hasData { data.append(.lineFeed) }
            hasData = true
            Self.copy(line, from: start, to: &data)
        case .event:
            event = try text(from: start)
        case .id:
            let id = try text(from: start)
            if !id.utf8.contains(0) { lastID = id }
        case .retry:
            let wait = line.bytes.extracting(start..<count).decimal()
            if let wait { retryMilliseconds = wait }
        case .other: break
        }
        return nil
    }

    private static func copy(_ line: borrowing ByteBuffer, from start: Int, to data: inout ByteBuffer) {
        data.append(line.bytes.extracting(start..<line.count))
    }

    private enum Field {
        case data, event, id, retry, other

        init(_ name: RawSpan) {
            self =
                name.equals("data" as StaticString)
                ? .data
                : name.equals("event" as StaticString)
                    ? .event
                    : name.equals("id" as StaticString)
                        ? .id : name.equals("retry" as StaticString) ? .retry : .other
        }
    }

    private func text(from start: Int) throws(ServerSentEventRefusal) -> String {
        guard let text = line.bytes.extracting(start..<line.count).text() else { throw .malformedText }
        return text
    }

    private mutating func dispatch() throws(ServerSentEventRefusal) -> ServerSentEvent? {
        let name = event
        event = ""
        guard hasData else { return nil }
        hasData = false
        defer { data.removeAll() }
        guard let text = data.bytes.text() else { throw .malformedText }
        return ServerSentEvent(event: name.isEmpty ? "message" : name, data: text, lastID: lastID)
    }
}
