public import Wire

/// How far an object has been read: in the order of its declaration, or in another one.
///
/// Keys usually come as they were declared; then this is a scope and nothing else. At the first one that does not, the
/// rest of the object is scanned once: every key must be known and new, every value must be well-formed, and each value's
/// place is noted. So a message is read twice at most, however its keys are shuffled.
public struct ObjectCursor {
    @usableFromInline var scope: WireScope
    /// What the scan has found, once there was one.
    @usableFromInline var notes: Notes?

    /// The places of an object's values.
    @usableFromInline final class Notes {
        /// By field.
        @usableFromInline var places: [Place]
        /// Behind the object.
        @usableFromInline var end: WireBookmark

        @inlinable init(_ count: Int, _ end: WireBookmark) {
            places = Array(repeating: Place(), count: count)
            self.end = end
        }
    }

    /// Where a value stands.
    @usableFromInline struct Place {
        @usableFromInline var start: WireBookmark?
        @usableFromInline var end = 0

        @inlinable init() {}
    }

    @inlinable @inline(__always) init(_ scope: WireScope) { self.scope = scope }

    /// Notes the places of all values that are left.
    @inlinable @inline(never)
    mutating func scan<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ table: FieldTable,
        from first: Int
    ) throws(Fault) {
        let notes = Notes(table.keys.count, reader.bookmark)
        while true {
            let place = try nextPlace(&reader, table)
            if place == Self.atEnd { break }
            guard place >= first, notes.places[place].start == nil else {
                throw Fault(.duplicateKey, at: .field(table.keys[place]))
            }
            notes.places[place].start = reader.bookmark
            do throws(WireError) {
                try table.skip(place, &reader)
            } catch {
                throw Fault.of(error).inside(table.keys[place])
            }
            notes.places[place].end = reader.offset
        }
        notes.end = reader.bookmark
        self.notes = notes
    }

    /// Leaves the object, of which nothing may be left.
    @inlinable @inline(__always)
    mutating func finish<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ table: FieldTable
    ) throws(Fault) {
        if let notes { return reader.go(to: notes.end) }
        let place = try nextPlace(&reader, table)
        guard place == Self.atEnd else { throw Fault(.duplicateKey, at: .field(table.keys[place])) }
    }

    @inlinable static var atEnd: Int { -1 }

    /// Which field comes next.
    @inlinable @inline(__always)
    mutating func nextPlace<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ table: FieldTable
    ) throws(Fault) -> Int {
        let unknown: String
        do throws(WireError) {
            guard let key = try reader.nextKey(in: &scope) else { return Self.atEnd }
            let place = table.place(of: key)
            if place >= 0 { return place }
            unknown = Self.name(key)
        } catch {
            throw Fault.of(error)
        }
        throw Fault(.unknownField, at: .name(unknown))
    }

    /// The name of an unknown field, shortened: it comes from outside.
    @usableFromInline static func name(_ key: WireKey) -> String {
        if key.number != 0 { return "#\(key.number)" }
        guard key.text.byteCount <= 64 else { return shortened(key.text.string(), to: 48) + "…" }
        return key.text.string()
    }

    /// The first scalars of a text. Not its first characters: one of those can have a million accents.
    @usableFromInline static func shortened(_ text: String, to scalarsMax: Int) -> String {
        String(text.unicodeScalars.prefix(scalarsMax))
    }
}

/// The keys of an object.
public final class FieldTable: Sendable {
    @usableFromInline let keys: [FieldKey]
    @usableFromInline let lists: [WireElement?]

    init(keys: [FieldKey], lists: [WireElement?]) {
        precondition(keys.count <= 64, "an object has at most 64 fields")
        for (place, key) in keys.enumerated() {
            let earlier = keys[..<place]
            precondition(!key.name.isEmpty && key.name.utf8.count <= 64, "a field has a name of 1 to 64 bytes")
            precondition(!earlier.contains { $0.name == key.name }, "the field \(key.name) is declared twice")
            precondition(!earlier.contains { $0.number == key.number }, "\(key.name) has another field's number")
        }
        self.keys = keys
        self.lists = lists
    }

    /// Which field a key names, or -1.
    @inlinable func place(of key: WireKey) -> Int {
        for index in keys.indices where key.matches(keys[index]) { return index }
        return -1
    }

    /// Skips the value of a field: in Protobuf, all elements of a list that stand together.
    @inlinable func skip<Reader: ContractReader & ~Escapable>(_ place: Int, _ reader: inout Reader) throws(WireError) {
        guard Reader.format == .protobuf, let element = lists[place] else { return try reader.skipValue() }
        var scope = try reader.beginArray(of: element)
        while try reader.nextElement(in: &scope) { try reader.skipValue() }
    }
}
