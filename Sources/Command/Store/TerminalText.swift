import Base
import Wire

/// What stands in the store is others' words: shown so that it cannot steer a terminal.
enum TerminalText {
    /// A text on one line; what would steer is written as its number.
    static func plain(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: TextLog.steers) else { return text }
        var shown = ""
        for scalar in text.unicodeScalars {
            if TextLog.steers(scalar) {
                shown += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }

    /// A value as JSON, on one line or, for people, on many. What would steer is escaped as JSON does it, so that it is
    /// the same value to whoever reads it.
    static func json(_ value: Value, indented: Bool) -> String {
        var out = ""
        append(value, to: &out, indented ? 0 : nil)
        return out
    }

    private static func append(_ value: Value, to out: inout String, _ depth: Int?) {
        switch value {
        case .array(let values) where !values.isEmpty:
            open("[", "]", values, to: &out, depth) { append($0, to: &$1, $2) }
        case .object(let object) where object.count > 0:
            let entries = object.entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            open("{", "}", entries, to: &out, depth) { entry, out, depth in
                out += quoted(entry.key) + (depth == nil ? ":" : ": ")
                append(entry.value, to: &out, depth)
            }
        case .string(let text): out += quoted(text)
        default: out += written(value)
        }
    }

    private static func open<Element>(
        _ first: String,
        _ last: String,
        _ elements: [Element],
        to out: inout String,
        _ depth: Int?,
        _ each: (Element, inout String, Int?) -> Void
    ) {
        let inner = depth.map { $0 + 1 }
        out += first
        for (index, element) in elements.enumerated() {
            if index > 0 { out += "," }
            if let inner { out += "\n" + String(repeating: "  ", count: inner) }
            each(element, &out, inner)
        }
        if let depth { out += "\n" + String(repeating: "  ", count: depth) }
        out += last
    }

    private static func written(_ value: Value) -> String {
        var out = ByteBuffer()
        // Only numbers that are none cannot be written, and no document has them.
        guard (try? value.write(.json, to: &out)) != nil else { return "null" }
        return String(decoding: out.array(), as: UTF8.self)
    }

    private static func quoted(_ text: String) -> String {
        let written = written(.string(text))
        guard written.unicodeScalars.contains(where: TextLog.steers) else { return written }
        var shown = ""
        for scalar in written.unicodeScalars {
            // All of them have four digits.
            if TextLog.steers(scalar) {
                let digits = String(scalar.value, radix: 16)
                shown += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }
}
