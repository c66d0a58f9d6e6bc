public import Base
public import Wire

/// The fields of an object whose types the compiler knows: it reads and writes them in one straight program.
public final class SlotList<each Value: FieldValue>: Sendable {
    @usableFromInline let slots: (repeat Slot<each Value>)
    @usableFromInline let table: FieldTable

    /// Prepares the fields in the order of their declaration.
    @usableFromInline init(_ fields: repeat Field<each Value>) {
        var place = 0
        slots = (repeat Slot(each fields, place: &place))
        var keys: [FieldKey] = []
        var lists: [WireElement?] = []
        repeat keys.append((each slots).key)
        repeat lists.append((each Value).listElement)
        table = FieldTable(keys: keys, lists: lists)
    }

    /// Reads and judges an object.
    @inlinable @inline(__always)
    public func read<Reader: ContractReader & ~Escapable>(_ reader: inout Reader) throws(Fault) -> (repeat each Value) {
        var cursor = ObjectCursor(try reader.enterObject())
        let values = (repeat try reader.take(each slots, &cursor, table))
        try cursor.finish(&reader, table)
        return values
    }

    @inlinable @inline(__always)
    func write<Writer: ContractWriter>(
        _ values: repeat each Value,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        var count = table.keys.count
        repeat (count &-= (each values).isAbsent ? 1 : 0)
        var scope = try writer.openObject(count: count, to: &output)
        repeat try writer.put(each values, each slots, &scope, &output)
        try writer.closeObject(scope, to: &output)
    }

    /// Reads the values one behind the other.
    @inlinable @inline(__always)
    public func readCanonical(_ reader: inout CanonicalReader) throws(Fault) -> (repeat each Value) {
        (repeat try (each slots).takeCanonical(&reader))
    }

    @inlinable @inline(__always)
    func writeCanonical(_ values: repeat each Value, to output: inout ByteBuffer) throws(Fault) {
        repeat try (each slots).putCanonical(each values, &output)
    }

    @usableFromInline func shape(_ name: String, nesting: Int) -> ObjectShape {
        precondition(nesting < nestingMax, "\(name) is nested too deeply, or contains itself")
        var shapes: [FieldShape] = []
        repeat shapes.append((each slots).shape(nesting: nesting + 1))
        return ObjectShape(name: name, fields: shapes)
    }
}
