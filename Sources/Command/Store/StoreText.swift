import Base
import Console
import Wire

/// How answers of the store are shown: to people as lines, to programs as JSON, one object a line.
struct StoreText {
    private let request: StoreRequest

    init(_ request: StoreRequest) { self.request = request }

    func text(of object: Value.Object) -> String {
        request.asJSON ? json(object) : people(object)
    }

    private static let rows: [ClerkErrand.Deed: String] = [.list: "keys", .versions: "versions", .locks: "locks"]

    private func json(_ object: Value.Object) -> String {
        var values = [Value.object(object)]
        if let name = Self.rows[request.errand.deed], case .array(let rows)? = object[name] { values = rows }
        if request.errand.deed == .get, let document = object["document"] { values = [document] }
        return values.map { TerminalText.json($0, indented: false) + "\n" }.joined()
    }

    private func people(_ object: Value.Object) -> String {
        switch request.errand.deed {
        case .get: return object["document"].map(document) ?? ""
        case .list:
            return table(object["keys"]) { [$0.plain("key"), "version \($0.plain("version"))", $0.plain("created")] }
        case .versions:
            return table(object["versions"]) { row in
                let what = row["removed"] == .bool(true) ? "removed" : "\(row.plain("bytes")) bytes"
                return [row.plain("version"), row.plain("at"), what]
            }
        case .locks: return table(object["locks"], lock)
        case .check: return check(object)
        case .put, .restore, .remove: return changed(object)
        case .place: return object.plain("place") + "\n"
        }
    }

    private var name: String {
        let place = request.errand.place
        let scope = place.scope == ClerkErrand.Place().scope ? "" : " (scope \(place.scope))"
        return TerminalText.plain("\(place.store)/\(place.key)\(scope)")
    }

    private func document(_ document: Value) -> String {
        guard case .object(let object) = document else { return "" }
        var facts = ["version \(object.plain("version"))", "updated \(object.plain("updated"))"]
        for fact in ["created", "expires"] where object[fact] != nil { facts.append("\(fact) \(object.plain(fact))") }
        var text = "\(name): \(facts.joined(separator: ", "))\n"
        for fact in ["user_ids", "metadata"] {
            if let value = object[fact] { text += "\(fact) \(TerminalText.json(value, indented: false))\n" }
        }
        return text + TerminalText.json(object["value"] ?? .null, indented: true) + "\n"
    }

    private func lock(_ row: Value.Object) -> [String] {
        guard case .object(let holder)? = row["holder"] else { return [] }
        var scope = row.plain("scope")
        scope = scope == ClerkErrand.Place().scope ? "" : " (scope \(scope))"
        let by = holder.plain("name").isEmpty ? holder.plain("owner") : holder.plain("name")
        let until = "until \(holder.plain("until")) (\(holder.plain("remaining_seconds")) s)"
        var cells = [
            "\(row.plain("store"))/\(row.plain("key"))\(scope)", "held by \(by)", "since \(holder.plain("since"))",
            until,
        ]
        if case .object(let wish)? = row["wanted"] {
            let wisher = wish.plain("name").isEmpty ? wish.plain("owner") : wish.plain("name")
            cells.append("wanted by \(wisher) since \(wish.plain("since"))")
        }
        return cells
    }

    private func changed(_ object: Value.Object) -> String {
        let deed = request.errand.deed == .remove ? "was removed by" : "is now"
        var text = "\(name) \(deed) version \(object.plain("version"))\n"
        if case .string? = object["stolen_from"] {
            text += "the lock was taken from \(object.plain("stolen_from")), whose writes are refused from now on\n"
        }
        return text
    }

    private func check(_ object: Value.Object) -> String {
        var text = "looked at \(object.plain("documents")) documents and \(object.plain("log_rows")) rows of the log"
        text += object["file_read"] == .bool(true) ? ", and read the whole file\n" : "\n"
        if case .array(let flaws)? = object["flaws"] {
            for case .string(let flaw) in flaws { text += "  \(TerminalText.plain(flaw))\n" }
        }
        return text + (object["well"] == .bool(true) ? "all is well\n" : "flaws: \(object.plain("flaw_count"))\n")
    }

    /// Rows in columns.
    private func table(_ rows: Value?, _ cells: (Value.Object) -> [String]) -> String {
        guard case .array(let rows)? = rows else { return "" }
        let lines = rows.compactMap { row -> [String]? in if case .object(let row) = row { cells(row) } else { nil } }
        var widths: [Int] = []
        for line in lines {
            for (column, cell) in line.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.count)
            }
        }
        return lines.map { line in
            let padded = line.enumerated().map { column, cell in
                column == line.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }
            return padded.joined(separator: "  ") + "\n"
        }.joined()
    }
}

extension Value.Object {
    /// What stands under a key, as a person reads it and so that it steers no terminal.
    fileprivate func plain(_ key: String) -> String {
        switch self[key] {
        case .string(let text)?: TerminalText.plain(text)
        case .int(let number)?: String(number)
        case nil, .null?: ""
        case let value?: TerminalText.json(value, indented: false)
        }
    }
}
