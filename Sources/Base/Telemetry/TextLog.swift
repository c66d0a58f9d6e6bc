/// Writes an entry of the log as one readable line.
///
/// `2026-11-21T09:13:58.123Z warning reactor: connection refused peer="[::1]:4711" reason=full suppressed=12`
///
/// Whatever a value holds, it stays on its line and cannot steer a terminal: control characters, line separators and
/// marks that change the writing direction are escaped.
public struct TextLog: Sendable {
    private let limits: Limits.Telemetry

    /// Lines no longer than the limits allow.
    public init(limits: Limits.Telemetry = Limits.Telemetry()) { self.limits = limits }

    /// A sink for `Log` that hands each finished line, with its line feed, to `write`.
    ///
    /// Base touches no descriptor, so the caller says where lines go. One call is one line: written with one `write`,
    /// lines of several threads do not mix.
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
        CalendarTime(entry.time).append(to: &line)
        line.append(" ")
        line.append(entry.level.name)
        line.append(" ")
        line.append(entry.room)
        line.append(": ")
        line.append(entry.message)
        for (name, value) in entry.fields {
            line.append(" ")
            line.append(name)
            line.append("=")
            if case .text = value, LogValue.isSecret(name) {
                append(.secret, to: &line)
            } else {
                append(value, to: &line)
            }
        }
        if let trace = entry.trace {
            line.append(" trace=")
            trace.appendTrace(to: &line)
        }
        if entry.suppressed > 0 {
            line.append(" suppressed=")
            line.append(decimal: entry.suppressed)
        }
        cut(&line)
        line.append("\n")
        out.append(line.bytes)
    }

    private func append(_ value: LogValue, to out: inout ByteBuffer) {
        switch value {
        case .text(let text): append(text, to: &out)
        case .integer(let number): out.append(decimal: number)
        case .number(let number): out.append(utf8: number.description)
        case .flag(let flag): out.append(flag ? "yes" : "no")
        case .duration(let duration): append(duration, to: &out)
        case .secret: out.append(LogValue.hidden)
        }
    }

    /// The largest unit in which the whole part is not zero, with up to three digits behind the point.
    private func append(_ duration: Duration, to out: inout ByteBuffer) {
        let nanoseconds = duration.nanoseconds
        let units: [(size: UInt64, name: StaticString)] = [
            (1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns"),
        ]
        let magnitude = nanoseconds.magnitude
        guard let unit = units.first(where: { magnitude >= $0.size }) else { return out.append("0s") }
        if nanoseconds < 0 { out.append("-") }
        out.append(decimal: Int(magnitude / unit.size))
        let thousandths = magnitude % unit.size * 1_000 / unit.size
        if thousandths > 0 {
            out.append(".")
            CalendarTime.append(Int(thousandths), digits: 3, to: &out)
        }
        out.append(unit.name)
    }

    private func append(_ text: String, to out: inout ByteBuffer) {
        if !text.isEmpty, text.utf8.count <= limits.valueBytesMax, text.utf8.allSatisfy(Self.needsNoQuotes) {
            return out.append(utf8: text)
        }
        out.append(UInt8(ascii: "\""))
        let end = out.count + limits.valueBytesMax
        for scalar in text.unicodeScalars {
            guard out.count < end else {
                out.append("…")
                break
            }
            append(scalar, to: &out)
        }
        out.append(UInt8(ascii: "\""))
    }

    private static func needsNoQuotes(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "-")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "@"): true
        default: false
        }
    }

    private func append(_ scalar: Unicode.Scalar, to out: inout ByteBuffer) {
        switch scalar {
        case "\"": out.append("\\\"")
        case "\\": out.append("\\\\")
        case "\n": out.append("\\n")
        case "\r": out.append("\\r")
        case "\t": out.append("\\t")
        default:
            if Self.steers(scalar) {
                out.append("\\u{")
                out.append(utf8: String(scalar.value, radix: 16))
                out.append("}")
            } else {
                out.append(utf8: String(scalar))
            }
        }
    }

    /// Whether a terminal or viewer would do something else than show it.
    public static func steers(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0...0x1F, 0x7F...0x9F, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }

    /// Cuts a line that is too long where a character ends, and says so.
    private func cut(_ line: inout ByteBuffer) {
        guard line.count > limits.lineBytesMax else { return }
        var end = limits.lineBytesMax
        while end > 0, line.bytes.byte(at: end) & 0xC0 == 0x80 { end -= 1 }
        line.truncate(to: end)
        line.append(" …cut")
    }
}
