/// What documents promise: links that lead somewhere, and nothing of the machine on which they were written.
enum DocumentRules {
    /// Beginnings of paths that exist on one machine only. Split here, so that this file may stay.
    static let machinePaths = ["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "/tm" + "p/"]

    /// Links of Markdown, `[text](target)`, that do not lead out of the repository.
    static func links(in page: Page) -> [(target: String, line: Int)] {
        var isCode = false
        var found: [(String, Int)] = []
        for (index, line) in page.lines.enumerated() {
            if line.drop(while: { $0 == " " }).hasPrefix("```") { isCode.toggle() }
            if isCode { continue }
            var rest = line
            while let start = rest.firstRange(of: "](") {
                rest = rest[start.upperBound...]
                let target = rest.prefix { $0 != ")" && $0 != " " }
                let path = target.prefix { $0 != "#" }
                if !target.contains("://"), !target.hasPrefix("mailto:"), !path.isEmpty {
                    found.append((String(path), index + 1))
                }
            }
        }
        return found
    }

    static func findings(in page: Page, exists: (String) -> Bool) -> [Finding] {
        let folder = page.path.split(separator: "/").dropLast()
        var found: [Finding] = []
        for link in links(in: page) {
            var parts = link.target.hasPrefix("/") ? [] : Array(folder)
            for part in link.target.split(separator: "/") where part != "." {
                if part == ".." { _ = parts.popLast() } else { parts.append(part) }
            }
            if !exists(parts.joined(separator: "/")) {
                found.append(Finding(path: page.path, line: link.line, advice: "\(link.target) leads nowhere"))
            }
        }
        return found + machineFindings(in: page)
    }

    static func machineFindings(in page: Page) -> [Finding] {
        page.lines.enumerated().flatMap { index, line in
            machinePaths.filter { names($0, in: line) }.map { path in
                Finding(path: page.path, line: index + 1, advice: "\(path) exists on one machine only")
            }
        }
    }

    /// Whether the path begins there: `docs/home/` names a folder of ours.
    private static func names(_ path: String, in line: Substring) -> Bool {
        guard let range = line.firstRange(of: path) else { return false }
        let before = line[..<range.lowerBound].last
        return before.map { !$0.isLetter && !$0.isNumber && $0 != "." && $0 != "}" } ?? true
    }

    /// Every limit says why it is what it is.
    static func undocumentedLimits(in page: Page) -> [Finding] {
        page.lines.indices.compactMap { index in
            let line = page.lines[index].drop { $0 == " " }
            guard line.hasPrefix("public var "), line.contains(" = ") else { return nil }
            let above = index > 0 ? page.lines[index - 1].drop { $0 == " " } : ""
            if above.hasPrefix("/// ") { return nil }
            return Finding(path: page.path, line: index + 1, advice: "a limit says why it is what it is")
        }
    }
}
