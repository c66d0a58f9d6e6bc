public import Base
import Wire

/// Writes an entry of the log as one JSON object per line, for machines.
///
/// `{"time":"2026-11-21T09:13:58.123Z","level":"info","room":"web","message":"started","loops":2}`: the first four are
/// always there, in this order; the fields follow under their own names. A field that would be called like one of ours gets
/// an underscore behind its name. Times are in seconds under the field's name and `_seconds`.
public struct JSONLog: Sendable {
    private static let ownNames: Set<String> = [
        "time", "level", "room", "message", "trace_id", "span_id", "suppressed", "cut",
    ]
    private let limits: Limits.Telemetry

    /// Lines and values no longer than the limits allow.
    public init(limits: Limits.Telemetry = Limits.Telemetry()) { self.limits = limits }

    /// A sink for `Log` that hands each finished line, with its line feed, to `write`. One call is one line.
    public func sink(_ write: @escaping @Sendable (RawSpan) -> Void) -> @Sendable (LogEntry) -> Void {
        { entry in
            var line = ByteBuffer(capacity: 256)
            append(entry, to: &line)
            write(line.bytes)
        }
    }

    /// Appends one line and its line feed.
    public func append(_ entry: LogEntry, to out: inout ByteBuffer) {
        var line = ByteBuffer(capacity: 256)
        line.append("{\"time\":\"")
        CalendarTime(entry.time).append(to: &line)
        line.append("\",\"level\":\"")
        line.append(entry.level.name)
        line.append("\",\"room\":")
        JSONText.append(entry.room.description, to: &line)
        line.append(",\"message\":")
        JSONText.append(entry.message.description, to: &line)
        appendTrace(entry.trace, to: &line)
        if entry.suppressed > 0 {
            line.append(",\"suppressed\":")
            line.append(decimal: entry.suppressed)
        }
        appendFields(entry.fields, to: &line)
        line.append("}\n")
        out.append(line.bytes)
    }

    private func appendTrace(_ trace: TraceContext?, to line: inout ByteBuffer) {
        guard let trace else { return }
        line.append(",\"trace_id\":\"")
        trace.appendTrace(to: &line)
        line.append("\",\"span_id\":\"")
        trace.appendSpan(to: &line)
        line.append("\"")
    }

    /// Appends the fields that fit; a line that lost one says so. A line is cut between fields, so it is always JSON.
    private func appendFields(_ fields: LogEntry.Fields, to line: inout ByteBuffer) {
        let end = limits.lineBytesMax
        var names: Set<String> = []
        for (name, value) in fields {
            var field = ByteBuffer(capacity: 64)
            append(name, value, &names, to: &field)
            guard line.count + field.count <= end else { return line.append(",\"cut\":true") }
            line.append(field.bytes)
        }
    }

    private func append(
        _ name: StaticString,
        _ value: LogValue,
        _ names: inout Set<String>,
        to out: inout ByteBuffer
    ) {
        var key = name.description
        if case .duration = value { key += "_seconds" }
        // Two keys of one name would be read as one or the other, depending on the reader.
        while Self.ownNames.contains(key) || !names.insert(key).inserted { key += "_" }
        out.append(",")
        JSONText.append(key, to: &out)
        out.append(":")
        if case .text = value, LogValue.isSecret(name) { return append(.secret, to: &out) }
        append(value, to: &out)
    }

    private func append(_ value: LogValue, to out: inout ByteBuffer) {
        switch value {
        case .text(let text): JSONText.append(JSONText.cut(text, to: limits.valueBytesMax), to: &out)
        case .integer(let number): out.append(decimal: number)
        case .number(let number): JSONText.append(number, to: &out)
        case .flag(let flag): out.append(flag ? "true" : "false")
        case .duration(let duration): JSONText.append(seconds: duration.nanoseconds, to: &out)
        case .secret:
            out.append("\"")
            out.append(LogValue.hidden)
            out.append("\"")
        }
    }
}

/// Pieces of JSON.
enum JSONText {
    /// Appends a text in quotes, escaped. So is what JSON lets stand and a terminal or a reader of logs does not: line
    /// separators, the second block of control characters, marks that change the writing direction.
    static func append(_ text: String, to out: inout ByteBuffer) {
        guard text.unicodeScalars.contains(where: { $0.value >= 0x7F && TextLog.steers($0) }) else {
            return appendQuoted(text, to: &out)
        }
        var quoted = ByteBuffer(capacity: text.utf8.count + 16)
        appendQuoted(text, to: &quoted)
        for scalar in String(decoding: quoted.array(), as: UTF8.self).unicodeScalars {
            guard TextLog.steers(scalar) else {
                out.append(utf8: String(scalar))
                continue
            }
            let digits = String(scalar.value, radix: 16)
            out.append("\\u")
            out.append(utf8: String(repeating: "0", count: 4 - digits.utf8.count) + digits)
        }
    }

    private static func appendQuoted(_ text: String, to out: inout ByteBuffer) {
        var writer = JSONWriter()
        var text = text
        text.withUTF8 { utf8 in
            // A text can always be written: only depth and numbers are ever refused.
            unsafe try? writer.text(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(utf8)), to: &out)
        }
    }

    /// Appends a number; one that JSON has no form for is written as a text.
    static func append(_ number: Double, to out: inout ByteBuffer) {
        guard number.isFinite else { return append(number.description, to: &out) }
        out.append(utf8: number.description)
    }

    /// Appends nanoseconds as seconds, exactly.
    static func append(seconds nanoseconds: Int64, to out: inout ByteBuffer) {
        if nanoseconds < 0 { out.append("-") }
        let magnitude = nanoseconds.magnitude
        out.append(decimal: Int(magnitude / 1_000_000_000))
        let rest = String(magnitude % 1_000_000_000)
        let digits = String(repeating: "0", count: 9 - rest.utf8.count) + rest
        out.append(".")
        out.append(utf8: digits.trimmingZeros())
    }

    /// The text, no longer than so many bytes, cut where a character ends.
    static func cut(_ text: String, to bytesMax: Int) -> String {
        guard text.utf8.count > bytesMax else { return text }
        var kept = String.UnicodeScalarView()
        var bytes = 0
        for scalar in text.unicodeScalars {
            bytes += UTF8.width(scalar)
            guard bytes <= bytesMax else { break }
            kept.append(scalar)
        }
        return String(kept) + "…"
    }
}

extension String {
    /// Without the zeros at its end, but for one when there is nothing else.
    fileprivate func trimmingZeros() -> String {
        var digits = self[...]
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        return String(digits)
    }
}
