/// The media types of the files that games and consoles are made of.
extension MediaType {
    /// The type for a file name's extension, in any case; bytes of an unknown kind if it is not in the table.
    public static func of(fileName: String) -> MediaType {
        guard let dot = fileName.utf8.lastIndex(of: UInt8(ascii: ".")) else { return .bytes }
        let ending = fileName[fileName.utf8.index(after: dot)...].lowercased()
        return table[ending].map { MediaType($0) } ?? .bytes
    }

    private static let table: [String: StaticString] = [
        "html": "text/html; charset=utf-8", "htm": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8", "mjs": "text/javascript; charset=utf-8",
        "json": "application/json", "map": "application/json", "webmanifest": "application/manifest+json",
        "txt": "text/plain; charset=utf-8", "md": "text/markdown; charset=utf-8", "csv": "text/csv; charset=utf-8",
        "xml": "application/xml", "svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg",
        "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "avif": "image/avif", "ico": "image/x-icon",
        "woff": "font/woff", "woff2": "font/woff2", "ttf": "font/ttf", "otf": "font/otf", "mp3": "audio/mpeg",
        "ogg": "audio/ogg", "wav": "audio/wav", "mp4": "video/mp4", "webm": "video/webm", "pdf": "application/pdf",
        "zip": "application/zip", "gz": "application/gzip", "wasm": "application/wasm", "glb": "model/gltf-binary",
        "gltf": "model/gltf+json", "yaml": "application/yaml", "yml": "application/yaml",
    ]
}

/// Compares entity tags (RFC 9110 §8.8.3).
public enum EntityTag {
    /// Whether a field such as `If-None-Match` names this tag. `*` names every one.
    /// With `isWeak`, `W/"x"` and `"x"` count as the same, as they do in `If-None-Match`.
    public static func list(_ field: RawSpan, names tag: String, isWeak: Bool = true) -> Bool {
        let field = field.trimmed()
        if field.equals("*" as StaticString) { return true }
        var at = 0
        while at < field.byteCount {
            while at < field.byteCount, field.byte(at).isBlank || field.byte(at) == UInt8(ascii: ",") { at += 1 }
            guard let end = endOfTag(field, from: at) else { return false }
            if areSame(field.extracting(at..<end), tag, isWeak: isWeak) { return true }
            at = end
        }
        return false
    }

    private static func endOfTag(_ field: RawSpan, from start: Int) -> Int? {
        var at = start
        if field.byteCount - at >= 2, field.byte(at) == UInt8(ascii: "W"), field.byte(at + 1) == UInt8(ascii: "/") {
            at += 2
        }
        guard at < field.byteCount, field.byte(at) == UInt8(ascii: "\"") else { return nil }
        let end = field.find(UInt8(ascii: "\""), from: at + 1, to: field.byteCount)
        return end < field.byteCount ? end + 1 : nil
    }

    private static func areSame(_ one: RawSpan, _ other: String, isWeak: Bool) -> Bool {
        let firstIsWeak = one.byteCount > 2 && one.byte(0) == UInt8(ascii: "W")
        let secondIsWeak = other.utf8.starts(with: "W/".utf8)
        guard isWeak || (!firstIsWeak && !secondIsWeak) else { return false }
        let opaque = firstIsWeak ? one.extracting(2..<one.byteCount) : one
        return opaque.equals(secondIsWeak ? String(other.dropFirst(2)) : other)
    }
}

/// Reads `Accept-Encoding` (RFC 9110 §12.5.3).
public enum AcceptEncoding {
    /// How much the client likes a coding, in thousandths: 0 means not at all.
    ///
    /// A coding that is not named has the quality of `*`, or 0; `identity` is acceptable unless it is excluded. An
    /// element that is malformed counts as not sent.
    public static func quality(of coding: StaticString, in field: RawSpan) -> Int {
        var rest = field
        var other: Int?
        while let element = rest.nextListElement() {
            let semicolon = element.find(UInt8(ascii: ";"), from: 0, to: element.byteCount)
            let name = element.extracting(first: semicolon).trimmed()
            var quality: Int? = 1_000
            if semicolon < element.byteCount {
                quality = weight(element.extracting((semicolon + 1)..<element.byteCount).trimmed())
            }
            guard let quality else { continue }
            if name.equalsLowercased(coding) { return quality }
            if name.equals("*" as StaticString) { other = quality }
        }
        if let other { return other }
        return coding.utf8CodeUnitCount == 8 && "\(coding)" == "identity" ? 1_000 : 0
    }

    /// Reads `q=0.8`: one digit and at most three behind the point, up to 1.
    private static func weight(_ text: RawSpan) -> Int? {
        guard text.byteCount >= 3, text.byteCount <= 7, text.byte(0) | 0x20 == UInt8(ascii: "q"),
            text.byte(1) == UInt8(ascii: "="), let whole = text.byte(2).decimalDigit, whole <= 1
        else { return nil }
        var value = whole * 1_000
        if text.byteCount > 3 {
            guard text.byte(3) == UInt8(ascii: ".") else { return nil }
            var place = 100
            for index in 4..<text.byteCount {
                guard let digit = text.byte(index).decimalDigit else { return nil }
                value += digit * place
                place /= 10
            }
        }
        return value <= 1_000 ? value : nil
    }
}
