public import Wire

extension Configuration {
    /// A setting with its value and where that comes from.
    public struct Row: Sendable, Equatable {
        /// The name.
        public let name: String
        /// The values as they would be written in a file; a secret is masked.
        public let values: [String]
        /// The values where nobody has chosen.
        public let presets: [String]
        /// Where the value comes from.
        public let source: SettingSource
    }

    /// What is shown instead of a secret.
    static let masked = "[hidden]"

    /// Every setting, in the order of the table.
    public func rows(presets: Configuration = Configuration()) -> [Row] {
        SettingTable.all.map { setting in
            Row(
                name: setting.name,
                values: shown(setting),
                presets: presets.shown(setting),
                source: sources[setting.name] ?? .preset
            )
        }
    }

    private func shown(_ setting: Setting) -> [String] {
        let values = setting.show(self)
        if case .secret = setting.kind { return values.isEmpty ? [] : [Self.masked] }
        return values
    }

    /// Every setting as JSON: what `gamekeeper config --json` and the admin listener show.
    public func listing(presets: Configuration = Configuration()) -> Value {
        let rows = zip(SettingTable.all, rows(presets: presets)).map { setting, row -> Value in
            .object([
                "name": .string(row.name), "value": Self.value(row.values, setting.kind),
                "default": Self.value(row.presets, setting.kind), "source": .string("\(row.source)"),
                "allowed": .string(setting.allowed), "about": .string(setting.about),
                "flag": setting.isSecret ? .null : .string(setting.flag), "variable": .string(setting.variable),
                "secret": .bool(setting.isSecret),
            ])
        }
        return .array(rows)
    }

    private static func value(_ texts: [String], _ kind: Setting.Kind) -> Value {
        if case .many = kind { return .array(texts.map { .string($0) }) }
        return texts.first.map { .string($0) } ?? .null
    }

    /// Every setting as a table for people: what was chosen is marked.
    public func table(presets: Configuration = Configuration()) -> String {
        var text = ""
        for (setting, row) in zip(SettingTable.all, rows(presets: presets)) {
            let value = row.values.isEmpty ? "(none)" : row.values.joined(separator: ", ")
            text += "\(row.name) = \(value)\n"
            text += "    \(setting.about)\n"
            if row.source != .preset {
                let preset = row.presets.isEmpty ? "(none)" : row.presets.joined(separator: ", ")
                text += "    from \(row.source); the default is \(preset)\n"
            }
            let names = setting.isSecret ? setting.variable : "\(setting.flag), \(setting.variable)"
            text += "    \(setting.allowed) · \(names)\n\n"
        }
        return text
    }
}

extension Setting {
    /// Whether its value is never shown.
    public var isSecret: Bool { if case .secret = kind { true } else { false } }
}
