/// What the compiler cannot check in one source file: sizes, words, proofs.
enum SourceRules {
    static let linesMax = 500
    static let functionLinesMax = 70

    /// Words that are banned in `Sources`, with what to do instead. Split here, so that this file may stay.
    static let bannedInSources = [
        ("print" + "(", "use the log, so that operators can filter it"),
        ("Date" + "()", "take a clock, so that a rehearsal can control time"),
        ("fatal" + "Error(", "throw a typed error, or state with a precondition what was promised"),
        ("-O" + "unchecked", "it does not evaluate preconditions"),
    ]

    /// Words that are banned everywhere.
    static let bannedEverywhere = [
        ("try" + "!", "handle the error, or state with a precondition why it cannot happen"),
        ("as" + "!", "make the type say it, or handle the other case"),
        ("FIX" + "ME", "finish it before merging"),
        ("TO" + "DO", "finish it before merging, or write an issue"),
        ("X" + "XX", "finish it before merging, or write an issue"),
    ]

    static func findings(in page: Page) -> [Finding] {
        let isSource = page.room != nil
        var found: [Finding] = []
        if page.lines.count > linesMax {
            found.append(Finding(path: page.path, line: 1, advice: "split this file by responsibility"))
        }
        for function in functions(of: page) where function.lines > functionLinesMax {
            let advice = "\(function.lines) lines; a screen shows \(functionLinesMax)"
            found.append(Finding(path: page.path, line: function.start, advice: advice))
        }
        let banned = bannedEverywhere + (isSource ? bannedInSources : [])
        for (index, line) in page.lines.enumerated() {
            for (word, advice) in banned where contains(line, word: word) {
                found.append(Finding(path: page.path, line: index + 1, advice: "\(word) is banned: \(advice)"))
            }
            if isSource, needsProof(line), !hasProof(page.lines, above: index) {
                let advice = "say in a comment above why this is safe"
                found.append(Finding(path: page.path, line: index + 1, advice: advice))
            }
        }
        return found
    }

    /// Whether the line has the word and not merely a longer word that ends with it.
    private static func contains(_ line: Substring, word: String) -> Bool {
        var rest = line
        while let range = rest.firstRange(of: word) {
            let before = rest[..<range.lowerBound].last
            if before.map({ !$0.isLetter && !$0.isNumber && $0 != "_" }) ?? true { return true }
            rest = rest[range.upperBound...]
        }
        return false
    }

    private static func needsProof(_ line: Substring) -> Bool {
        let code = line.prefix { $0 != "/" }
        let promises = ["@unchecked Sendable", "nonisolated(unsafe)", "unowned(unsafe)", "@safe "]
        return promises.contains { code.contains($0) }
    }

    /// Looks up through attributes and declarations of the same proof to the comment that carries it.
    private static func hasProof(_ lines: [Substring], above index: Int) -> Bool {
        var place = index
        while place > 0 {
            place -= 1
            let line = lines[place].drop { $0 == " " }
            if line.hasPrefix("//") { return line.count > 20 || (place > 0 && hasProof(lines, above: place)) }
            guard line.hasPrefix("@") || needsProof(line) else { return false }
        }
        return false
    }

    /// Finds functions by their indentation, which swift-format keeps honest; a signature may take several lines.
    static func functions(of page: Page) -> [(start: Int, lines: Int)] {
        page.lines.indices.compactMap { start in
            let line = page.lines[start]
            let isFunction = line.contains("func ") || line.contains("init(") || line.contains("init<")
            guard isFunction, !line.drop(while: { $0 == " " }).hasPrefix("//") else { return nil }
            let indent = line.prefix { $0 == " " }
            guard line.hasSuffix("{") || bodyOpens(page.lines, after: start, indent) else { return nil }
            let closing = indent + "}"
            guard let end = page.lines[start...].firstIndex(where: { $0 == closing }) else { return nil }
            return (start + 1, end - start + 1)
        }
    }

    private static func bodyOpens(_ lines: [Substring], after start: Int, _ indent: Substring) -> Bool {
        guard lines[start].hasSuffix("(") || lines[start].hasSuffix("<") else { return false }
        for line in lines[(start + 1)...].prefix(20) where line.hasPrefix(indent) {
            let rest = line.dropFirst(indent.count)
            if rest.first == ")" || rest.first == ">" { return rest.hasSuffix("{") }
        }
        return false
    }
}
