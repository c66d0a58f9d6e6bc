public import Base
public import Wire

/// One field of an object, ready to be read and written.
public final class Slot<Value: FieldValue>: Sendable {
    @usableFromInline let key: FieldKey
    @usableFromInline let rules: Value.Rules
    @usableFromInline let place: Int
    @usableFromInline let note: String

    @usableFromInline init(_ field: Field<Value>, place: inout Int) {
        key = FieldKey(field.name, number: field.number ?? UInt32(place + 1))
        rules = field.rules
        self.place = place
        note = field.note
        place += 1
    }

    @inlinable @inline(__always)
    func take<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ cursor: inout ObjectCursor,
        _ table: FieldTable
    ) throws(Fault) -> Value {
        if cursor.notes == nil {
            if try reader.finds(key, in: &cursor.scope) {
                do throws(Fault) { return try Value.read(&reader, rules) } catch { throw error.inside(key) }
            }
            try cursor.scan(&reader, table, from: place)
        }
        return try takeNoted(&reader, cursor)
    }

    /// Reads the value where the scan has found it.
    @inlinable @inline(never)
    func takeNoted<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ cursor: ObjectCursor
    ) throws(Fault) -> Value {
        do throws(Fault) {
            guard let noted = cursor.notes?.places[place], let start = noted.start else {
                return try Value.absent(rules, in: Reader.format)
            }
            reader.go(to: start)
            let value = try Value.read(&reader, rules)
            // What was skipped as one value was read as one: nothing slips through between the two.
            guard reader.offset == noted.end else { throw Fault(.malformed) }
            return value
        } catch {
            throw error.inside(key)
        }
    }

    @inlinable @inline(__always)
    func put<Writer: ContractWriter>(
        _ value: Value,
        _ writer: inout Writer,
        _ scope: inout WireScope,
        _ output: inout ByteBuffer
    ) throws(Fault) {
        if value.isAbsent { return }
        try writer.announce(key, in: &scope, to: &output)
        do throws(Fault) {
            try value.write(rules, with: &writer, to: &output)
        } catch {
            throw error.inside(key)
        }
    }

    @inlinable @inline(__always)
    func takeCanonical(_ reader: inout CanonicalReader) throws(Fault) -> Value {
        do throws(Fault) { return try Value.readCanonical(&reader, rules) } catch { throw error.inside(key) }
    }

    @inlinable @inline(__always)
    func putCanonical(_ value: Value, _ output: inout ByteBuffer) throws(Fault) {
        do throws(Fault) { try value.writeCanonical(rules, to: &output) } catch { throw error.inside(key) }
    }

    @usableFromInline func shape(nesting: Int) -> FieldShape {
        FieldShape(key.name, number: key.number, Value.shape(rules, nesting: nesting), note: note)
    }
}
