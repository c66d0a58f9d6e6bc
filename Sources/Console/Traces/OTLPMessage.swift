public import Base

/// Writes spans as an `ExportTraceServiceRequest` of OTLP 1 in Protobuf, the encoding that every collector takes.
public struct OTLPMessage: Sendable {
    private let service: String
    private let version: String
    private let instance: String
    /// What is added to a moment of the monotonic clock to find it on the calendar.
    private let wallOffset: Int64

    /// Describes who sends.
    ///
    /// - Parameters:
    ///   - service: the name of the game.
    ///   - version: the version of the server.
    ///   - instance: tells processes of one game apart.
    ///   - wallOffset: nanoseconds from the monotonic clock to the calendar.
    public init(service: String, version: String, instance: String, wallOffset: Int64) {
        self.service = service
        self.version = version
        self.instance = instance
        self.wallOffset = wallOffset
    }

    /// Appends one request.
    public func append(_ spans: [Span.Finished], to out: inout ByteBuffer) {
        var scope = ProtobufMessage()
        scope.message(1) { scope in
            scope.text(1, "gamekeeper")
            scope.text(2, version)
        }
        for span in spans { scope.message(2) { append(span, to: &$0) } }
        var resourceSpans = ProtobufMessage()
        resourceSpans.message(1) { resource in
            attribute("service.name", .text(service), in: 1, of: &resource)
            attribute("service.version", .text(version), in: 1, of: &resource)
            attribute("service.instance.id", .text(instance), in: 1, of: &resource)
        }
        resourceSpans.message(2, scope)
        var request = ProtobufMessage()
        request.message(1, resourceSpans)
        out.append(request.bytes)
    }

    private func append(_ span: Span.Finished, to message: inout ProtobufMessage) {
        message.bytes(1, [span.context.traceHigh, span.context.traceLow])
        message.bytes(2, [span.context.span])
        if let state = span.state { message.text(3, state.text) }
        if span.parent != 0 { message.bytes(4, [span.parent]) }
        message.text(5, span.name)
        message.number(6, UInt64(span.kind.rawValue))
        message.fixed64(7, wall(span.start))
        message.fixed64(8, wall(span.end))
        for (name, value) in span.attributes { attribute(name.description, hidden(value, name), in: 9, of: &message) }
        if span.attributesDropped > 0 { message.number(10, UInt64(span.attributesDropped)) }
        if let error = span.error {
            message.message(15) { status in
                status.text(2, error.name.description)
                status.number(3, 2)
            }
        }
        message.fixed32(16, UInt32(span.context.flags.rawValue))
    }

    private func wall(_ moment: MonotonicTime) -> UInt64 {
        UInt64(max(0, moment.nanoseconds &+ wallOffset))
    }

    private func hidden(_ value: LogValue, _ name: StaticString) -> LogValue {
        if case .text = value, LogValue.isSecret(name) { .secret } else { value }
    }

    /// A key and its value, as field `field` of a message.
    private func attribute(_ key: String, _ value: LogValue, in field: Int, of message: inout ProtobufMessage) {
        message.message(field) { pair in
            pair.text(1, key)
            pair.message(2) { any in
                switch value {
                case .text(let text): any.text(1, text, evenIfEmpty: true)
                case .flag(let flag): any.number(2, flag ? 1 : 0, evenIfZero: true)
                case .integer(let number): any.number(3, UInt64(bitPattern: Int64(number)), evenIfZero: true)
                case .number(let number): any.fixed64(4, number.bitPattern, evenIfZero: true)
                case .duration(let duration):
                    let seconds = Double(duration.nanoseconds) / 1e9
                    any.fixed64(4, seconds.bitPattern, evenIfZero: true)
                case .secret: any.text(1, LogValue.hidden.description)
                }
            }
        }
    }
}

/// Appends fields of one Protobuf message. What has its default value is left out, as proto3 asks.
struct ProtobufMessage: ~Copyable {
    private var buffer = ByteBuffer(capacity: 128)

    var bytes: RawSpan {
        @_lifetime(borrow self) get { buffer.bytes }
    }

    private mutating func varint(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            buffer.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        buffer.append(UInt8(truncatingIfNeeded: value))
    }

    private mutating func key(_ field: Int, wireType: UInt64) { varint(UInt64(field) << 3 | wireType) }

    mutating func number(_ field: Int, _ value: UInt64, evenIfZero: Bool = false) {
        guard value != 0 || evenIfZero else { return }
        key(field, wireType: 0)
        varint(value)
    }

    mutating func fixed64(_ field: Int, _ value: UInt64, evenIfZero: Bool = false) {
        guard value != 0 || evenIfZero else { return }
        key(field, wireType: 1)
        for shift in stride(from: 0, to: 64, by: 8) { buffer.append(UInt8(truncatingIfNeeded: value >> UInt64(shift))) }
    }

    mutating func fixed32(_ field: Int, _ value: UInt32) {
        guard value != 0 else { return }
        key(field, wireType: 5)
        for shift in stride(from: 0, to: 32, by: 8) { buffer.append(UInt8(truncatingIfNeeded: value >> UInt32(shift))) }
    }

    mutating func text(_ field: Int, _ text: String, evenIfEmpty: Bool = false) {
        guard !text.isEmpty || evenIfEmpty else { return }
        key(field, wireType: 2)
        varint(UInt64(text.utf8.count))
        buffer.append(utf8: text)
    }

    /// Numbers as bytes, the highest first: what identifiers are.
    mutating func bytes(_ field: Int, _ words: [UInt64]) {
        key(field, wireType: 2)
        varint(UInt64(words.count * 8))
        for word in words {
            for shift in stride(from: 56, through: 0, by: -8) {
                buffer.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
    }

    mutating func message(_ field: Int, _ fill: (inout ProtobufMessage) -> Void) {
        var inner = ProtobufMessage()
        fill(&inner)
        message(field, inner)
    }

    mutating func message(_ field: Int, _ inner: borrowing ProtobufMessage) {
        key(field, wireType: 2)
        varint(UInt64(inner.buffer.count))
        buffer.append(inner.buffer)
    }
}
