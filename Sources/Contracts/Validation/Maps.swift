public import Base
public import Wire

/// The keys of an entry of a map in Protobuf.
@usableFromInline enum MapEntry {
    @usableFromInline static let name = FieldKey("key", number: 1)
    @usableFromInline static let value = FieldKey("value", number: 2)
}

extension Dictionary: FieldValue where Key == String, Value: FieldValue {
    /// Reads values by name; a name twice is refused.
    @inlinable public static func read<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ rules: ListRules<Value.Rules>
    ) throws(Fault) -> [String: Value] {
        if Reader.format == .protobuf { return try readEntries(&reader, rules) }
        var map: [String: Value] = [:]
        var scope = try reader.enterObject()
        while let name = try reader.nextName(in: &scope) {
            try rules.judge(another: map.count)
            try map.add(name, rules, &reader)
        }
        try rules.judge(map.count)
        return map
    }

    /// Protobuf's maps are repeated messages of a key and a value.
    @inlinable static func readEntries<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ rules: ListRules<Value.Rules>
    ) throws(Fault) -> [String: Value] {
        var map: [String: Value] = [:]
        var scope = try reader.enterList(of: .any)
        while try reader.hasElement(in: &scope) {
            try rules.judge(another: map.count)
            var entry = try reader.enterObject()
            guard try reader.finds(MapEntry.name, in: &entry) else { throw Fault(.missing, at: .field(MapEntry.name)) }
            let name = try reader.name()
            guard try reader.finds(MapEntry.value, in: &entry) else { throw Fault(.missing, at: .name(name)) }
            try map.add(name, rules, &reader)
            guard try reader.nextName(in: &entry) == nil else { throw Fault(.unknownField, at: .name(name)) }
        }
        try rules.judge(map.count)
        return map
    }

    @inlinable mutating func add<Reader: ContractReader & ~Escapable>(
        _ name: String,
        _ rules: ListRules<Value.Rules>,
        _ reader: inout Reader
    ) throws(Fault) {
        try rules.judge(name: name)
        do throws(Fault) {
            let value = try Value.read(&reader, rules.element)
            guard updateValue(value, forKey: name) == nil else { throw Fault.of(.duplicateKey) }
        } catch {
            throw error.inside(name)
        }
    }

    /// In Protobuf a map without entries is a field that is not there.
    @inlinable public static func absent(
        _ rules: ListRules<Value.Rules>,
        in format: WireFormat
    ) throws(Fault) -> [String: Value] {
        guard format == .protobuf else { throw Fault.of(.missing) }
        try rules.judge(0)
        return [:]
    }

    /// Writes the entries, sorted by the bytes of their names.
    @inlinable public func write<Writer: ContractWriter>(
        _ rules: ListRules<Value.Rules>,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        try rules.judge(count)
        if Writer.format == .protobuf { return try writeEntries(rules, &writer, &output) }
        var scope = try writer.openObject(count: count, to: &output)
        for (name, value) in sortedByBytes() {
            try rules.judge(name: name)
            do throws(WireError) { try writer.key(name, in: &scope, to: &output) } catch { throw Fault.of(error) }
            do throws(Fault) {
                try value.write(rules.element, with: &writer, to: &output)
            } catch {
                throw error.inside(name)
            }
        }
        try writer.closeObject(scope, to: &output)
    }

    @inlinable func writeEntries<Writer: ContractWriter>(
        _ rules: ListRules<Value.Rules>,
        _ writer: inout Writer,
        _ output: inout ByteBuffer
    ) throws(Fault) {
        var scope = try writer.openList(count: count, to: &output)
        for (name, value) in sortedByBytes() {
            try rules.judge(name: name)
            try writer.announceElement(in: &scope, to: &output)
            var entry = try writer.openObject(count: 2, to: &output)
            try writer.announce(MapEntry.name, in: &entry, to: &output)
            do throws(WireError) { try writer.string(name, to: &output) } catch { throw Fault.of(error) }
            try writer.announce(MapEntry.value, in: &entry, to: &output)
            do throws(Fault) {
                try value.write(rules.element, with: &writer, to: &output)
            } catch {
                throw error.inside(name)
            }
            try writer.closeObject(entry, to: &output)
        }
        try writer.closeList(scope, to: &output)
    }

    @usableFromInline func sortedByBytes() -> [(key: String, value: Value)] {
        sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    }

    /// Reads a count and the entries, whose names rise.
    @inlinable public static func readCanonical(
        _ reader: inout CanonicalReader,
        _ rules: ListRules<Value.Rules>
    ) throws(Fault) -> [String: Value] {
        let count = try rules.count(reader.unsigned())
        var map: [String: Value] = [:]
        var last: String?
        for _ in 0..<count {
            let name = try reader.text()
            try rules.judge(name: name)
            if let last, !last.utf8.lexicographicallyPrecedes(name.utf8) { throw Fault.of(.notCanonical) }
            last = name
            do throws(Fault) {
                let value = try Value.readCanonical(&reader, rules.element)
                guard map.updateValue(value, forKey: name) == nil else { throw Fault.of(.duplicateKey) }
            } catch {
                throw error.inside(name)
            }
        }
        return map
    }

    /// Writes a count and the entries, sorted by the bytes of their names.
    @inlinable public func writeCanonical(_ rules: ListRules<Value.Rules>, to output: inout ByteBuffer) throws(Fault) {
        try rules.judge(count)
        Canonical.append(unsigned: UInt64(count), to: &output)
        for (name, value) in sortedByBytes() {
            try rules.judge(name: name)
            Canonical.append(name, to: &output)
            do throws(Fault) {
                try value.writeCanonical(rules.element, to: &output)
            } catch {
                throw error.inside(name)
            }
        }
    }

    /// Values by name.
    public static func shape(_ rules: ListRules<Value.Rules>, nesting: Int) -> Shape {
        let shape = rules.entryShape(Value.shape(rules.element, nesting: nesting + 1))
        return .map(shape, rules.count, nameLengthMax: rules.nameLengthMax)
    }

    /// Skipped as messages are.
    @inlinable public static var listElement: WireElement? { .any }
}

extension WireReader where Self: ~Escapable {
    /// The next key as a text of its own, or nothing at the end.
    @inlinable mutating func nextName(in scope: inout WireScope) throws(Fault) -> String? {
        do throws(WireError) {
            guard let key = try nextKey(in: &scope) else { return nil }
            return key.text.string()
        } catch {
            throw Fault.of(error)
        }
    }

    @inlinable mutating func name() throws(Fault) -> String {
        do throws(WireError) { return try string() } catch { throw Fault.of(error) }
    }
}
