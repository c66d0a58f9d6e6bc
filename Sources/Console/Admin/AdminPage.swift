/// The page that says what the admin listener has.
enum AdminPage {
    private static let entries: [(path: String, about: String)] = [
        ("/metrics", "metrics, for Prometheus (OpenMetrics where it is asked for)"),
        ("/healthz", "whether the process is alive"),
        ("/readyz", "whether it should be sent players, and if not, why"),
        ("/v1/admin/sessions", "who plays: ?limit=100&amp;after=&amp;player="),
        ("/v1/admin/bans", "addresses that are not let in"),
        ("/v1/admin/config", "every setting, its value and where it comes from"),
        ("/v1/admin/log", "the level of the log; PUT {\"level\": \"debug\"} changes it"),
    ]

    static func html(version: String, reasons: [Health.Reason], desk: AdminDesk) -> String {
        let state =
            reasons.isEmpty
            ? "<p class=\"good\">Ready for players.</p>"
            : "<ul class=\"bad\">"
                + reasons.map { "<li>\(escaped($0.check)): \(escaped($0.problem))</li>" }.joined() + "</ul>"
        var missing: Set<String> = []
        if desk.sessions == nil { missing.insert("/v1/admin/sessions") }
        if desk.bans == nil { missing.insert("/v1/admin/bans") }
        let rows = entries.filter { !missing.contains($0.path) }.map { entry in
            "<dt><a href=\"\(entry.path)\">\(entry.path)</a></dt><dd>\(entry.about)</dd>"
        }
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <title>Gamekeeper: admin</title>
            <link rel="stylesheet" href="/admin.css">
            </head>
            <body>
            <main>
            <h1>Gamekeeper <small>\(escaped(version))</small></h1>
            \(state)
            <dl>
            \(rows.joined(separator: "\n"))
            </dl>
            </main>
            </body>
            </html>

            """
    }

    static let style: StaticString = """
        :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
        main { max-width: 42rem; margin: 2rem auto; padding: 0 1rem; }
        small { font-weight: normal; opacity: .7; }
        dt { font-family: ui-monospace, monospace; margin-top: .75rem; }
        dd { margin: 0; }
        .good { border-left: .25rem solid #2a7d3f; padding-left: .75rem; }
        .bad { border-left: .25rem solid #b3261e; padding-left: 1.75rem; }

        """

    private static func escaped(_ text: String) -> String {
        var out = ""
        for character in text {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            default: out.append(character)
            }
        }
        return out
    }
}
