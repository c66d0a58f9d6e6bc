public import Base
public import Wire

/// One field of an object, ready to be read and written.
public final class Slot<Value: FieldValue>: Sendable {
    @usableFromInline let key: FieldKey
    @usableFromInline let rules: Value.Rules
    @usableFromInline let place: Int
    @usableFromInline let note: String
    /// What can be wrong with the value itself, by the problem's place.
    private let faults: [Fault]

    @usableFromInline init(_ field: Field<Value>, place: inout Int) {
        key = FieldKey(field.name, number: field.number ?? UInt32(place + 1))
        rules = field.rules
        self.place = place
        note = field.note
        place += 1
        let key = key
        faults = Fault.Problem.allCases.map { Fault($0, ofField: key) }
    }

    /// Says of this field what was said of its value.
    @inline(never) @usableFromInline func enclose(_ fault: Fault) -> Fault {
        fault.step == nil ? faults[fault.problem.place] : fault.inside(key)
    }

    @inlinable @inline(__always)
    func take<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ cursor: inout ObjectCursor,
        _ table: FieldTable
    ) throws(Fault) -> Value {
        if cursor.notes == nil {
            if try reader.finds(key, in: &cursor.scope) {
                do throws(Fault) { return try Value.read(&reader, rules) } catch { throw enclose(error) }
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
            guard reader.offset == noted.end else { throw Fault.of(.malformed) }
            return value
        } catch {
            throw enclose(error)
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
            throw enclose(error)
        }
    }

    @inlinable @inline(__always)
    func takeCanonical(_ reader: inout CanonicalReader) throws(Fault) -> Value {
        do throws(Fault) { return try Value.readCanonical(&reader, rules) } catch { throw enclose(error) }
    }

    @inlinable @inline(__always)
    func putCanonical(_ value: Value, _ output: inout ByteBuffer) throws(Fault) {
        do throws(Fault) { try value.writeCanonical(rules, to: &output) } catch { throw enclose(error) }
    }

    @usableFromInline func shape(nesting: Int) -> FieldShape {
        FieldShape(key.name, number: key.number, Value.shape(rules, nesting: nesting), note: note)
    }
}

/// A slot, borrowed from the list that owns it, so that neither walking over a pack nor reading a field counts references.
///
/// Safe because only `SlotList` makes one, keeps the slot as long as itself, and is kept by whoever reads or writes with it.
@safe public struct SlotReference<Value: FieldValue>: @unchecked Sendable {
    @usableFromInline let slot: Unmanaged<Slot<Value>>

    @usableFromInline init(_ slot: Slot<Value>) { unsafe self.slot = Unmanaged.passUnretained(slot) }

    @inlinable @inline(__always)
    func take<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ cursor: inout ObjectCursor,
        _ table: FieldTable
    ) throws(Fault) -> Value {
        // What is lent cannot throw errors of one type only, so the error goes around.
        var fault: Fault?
        let value = unsafe slot._withUnsafeGuaranteedRef { slot -> Value? in
            do throws(Fault) { return try slot.take(&reader, &cursor, table) } catch {
                fault = error
                return nil
            }
        }
        if let value { return value }
        throw fault ?? Fault.of(.malformed)
    }

    @inlinable @inline(__always)
    func put<Writer: ContractWriter>(
        _ value: Value,
        _ writer: inout Writer,
        _ scope: inout WireScope,
        _ output: inout ByteBuffer
    ) throws(Fault) {
        let fault = unsafe slot._withUnsafeGuaranteedRef { slot -> Fault? in
            do throws(Fault) { try slot.put(value, &writer, &scope, &output) } catch { return error }
            return nil
        }
        if let fault { throw fault }
    }
}
