/// Reads the file of an operator: one `name = value` per line.
///
/// ```
/// # Players come through the proxy.
/// listen  = 0.0.0.0:7400, [::]:7400     # a list; a line that ends with a comma goes on
/// origins = "https://game.example",
///           "https://test.game.example"
/// data    = /var/lib/gamekeeper
/// ```
///
/// A value may stand in double quotes; it must where it has a comma, a quote, a `#` after a space, or spaces at its ends.
/// Within quotes `\"` and `\\` are a quote and a backslash.
enum ConfigurationFile {
    /// The longest file: a hundred times what every setting would take.
    static let bytesMax = 256 << 10

    /// One setting as it stands in a file.
    struct Entry: Equatable {
        var name: String
        var values: [String]
        var line: Int
    }

    /// Reads all lines.
    ///
    /// - Throws: the first line that is none.
    static func entries(in text: String, path: String) throws(SettingRefusal) -> [Entry] {
        var entries: [Entry] = []
        var goesOn = false
        // By scalars: as a character, a line feed behind a carriage return would be something else.
        let lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let source = SettingSource.file(path, line: index + 1)
            var scanner = LineScanner(line)
            guard !scanner.isAtEnd else { continue }
            if !goesOn {
                guard let name = scanner.name() else { throw .malformedLine(source: source) }
                entries.append(Entry(name: name, values: [], line: index + 1))
            }
            guard let (values, ends) = scanner.values() else { throw .malformedLine(source: source) }
            entries[entries.count - 1].values += values
            goesOn = !ends
        }
        if goesOn, let last = entries.last { throw .malformedLine(source: .file(path, line: last.line)) }
        return entries
    }
}

/// Takes one line apart, by scalars: what a person sees as one character may be a quote and an accent.
private struct LineScanner {
    private var rest: Substring.UnicodeScalarView

    init(_ line: Substring.UnicodeScalarView) {
        rest = line
        skipSpace()
    }

    /// Nothing but space and a comment is left.
    var isAtEnd: Bool { rest.isEmpty || rest.first == "#" }

    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "\t" || scalar == "\r" }

    private mutating func skipSpace() {
        while let first = rest.first, Self.isSpace(first) { rest.removeFirst() }
    }

    /// The name and the equals sign behind it.
    mutating func name() -> String? {
        let name = rest.prefix { scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "-", ".", "_": true
            default: false
            }
        }
        guard !name.isEmpty else { return nil }
        rest = rest.dropFirst(name.count)
        skipSpace()
        guard rest.first == "=" else { return nil }
        rest.removeFirst()
        skipSpace()
        return String(name)
    }

    /// The values up to the end of the line, and whether the list ends here.
    mutating func values() -> (values: [String], ends: Bool)? {
        var values: [String] = []
        guard !isAtEnd else { return ([], true) }
        while true {
            guard let value = rest.first == "\"" ? quoted() : bare() else { return nil }
            values.append(value)
            skipSpace()
            if isAtEnd { return (values, true) }
            guard rest.first == "," else { return nil }
            rest.removeFirst()
            skipSpace()
            if isAtEnd { return (values, false) }
        }
    }

    private mutating func quoted() -> String? {
        rest.removeFirst()
        var value = String.UnicodeScalarView()
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\"": return String(value)
            case "\\":
                guard let escaped = rest.popFirst(), escaped == "\"" || escaped == "\\" else { return nil }
                value.append(escaped)
            default: value.append(scalar)
            }
        }
        return nil
    }

    /// Up to a comma, or a `#` with space before it.
    private mutating func bare() -> String? {
        var value = String.UnicodeScalarView()
        var afterSpace = true
        while let scalar = rest.first, scalar != "," {
            if scalar == "#", afterSpace { break }
            guard scalar != "\"" else { return nil }
            afterSpace = Self.isSpace(scalar)
            value.append(scalar)
            rest.removeFirst()
        }
        while let last = value.last, Self.isSpace(last) { value.removeLast() }
        return value.isEmpty ? nil : String(value)
    }
}
