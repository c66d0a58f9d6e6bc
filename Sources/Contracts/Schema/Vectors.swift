public import Base
public import Wire

/// The range of every coordinate of a vector.
public final class VectorRules: Sendable {
    /// The range; without one, every finite number.
    public let range: ClosedRange<Double>?
    @usableFromInline let x: Slot<Double>
    @usableFromInline let y: Slot<Double>
    @usableFromInline let z: Slot<Double>
    @usableFromInline let table: FieldTable

    /// Names the rules of a vector with so many coordinates.
    init(_ range: ClosedRange<Double>?, coordinates: Int) {
        self.range = range
        var place = 0
        x = Slot(.number("x", range), place: &place)
        y = Slot(.number("y", range), place: &place)
        z = Slot(.number("z", range), place: &place)
        let keys = [x.key, y.key, z.key].prefix(coordinates)
        table = FieldTable(keys: Array(keys), lists: keys.map { _ in nil })
    }
}

/// A place or a movement on a plane.
public struct Vector2: Hashable, Sendable {
    /// To the right.
    public var x: Double
    /// Upwards.
    public var y: Double

    /// Names it.
    @inlinable public init(_ x: Double, _ y: Double) {
        self.x = x
        self.y = y
    }
}

extension Vector2: FieldValue {
    /// Reads an object of the coordinates.
    @inlinable public static func read<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ rules: VectorRules
    ) throws(Fault) -> Vector2 {
        var cursor = ObjectCursor(try reader.enterObject())
        let x = try rules.x.take(&reader, &cursor, rules.table)
        let y = try rules.y.take(&reader, &cursor, rules.table)
        try cursor.finish(&reader, rules.table)
        return Vector2(x, y)
    }

    /// Writes an object of the coordinates.
    @inlinable public func write<Writer: ContractWriter>(
        _ rules: VectorRules,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        var scope = try writer.openObject(count: 2, to: &output)
        try rules.x.put(x, &writer, &scope, &output)
        try rules.y.put(y, &writer, &scope, &output)
        try writer.closeObject(scope, to: &output)
    }

    /// Reads eight bytes each.
    @inlinable public static func readCanonical(
        _ reader: inout CanonicalReader,
        _ rules: VectorRules
    ) throws(Fault) -> Vector2 {
        Vector2(try rules.x.takeCanonical(&reader), try rules.y.takeCanonical(&reader))
    }

    /// Writes eight bytes each.
    @inlinable public func writeCanonical(_ rules: VectorRules, to output: inout ByteBuffer) throws(Fault) {
        try rules.x.putCanonical(x, &output)
        try rules.y.putCanonical(y, &output)
    }

    /// The coordinates.
    public static func shape(_ rules: VectorRules, nesting: Int) -> Shape { .vector2(rules.range) }
}

/// A place or a movement in space.
public struct Vector3: Hashable, Sendable {
    /// To the right.
    public var x: Double
    /// Upwards.
    public var y: Double
    /// Towards the viewer.
    public var z: Double

    /// Names it.
    @inlinable public init(_ x: Double, _ y: Double, _ z: Double) {
        self.x = x
        self.y = y
        self.z = z
    }
}

extension Vector3: FieldValue {
    /// Reads an object of the coordinates.
    @inlinable public static func read<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ rules: VectorRules
    ) throws(Fault) -> Vector3 {
        var cursor = ObjectCursor(try reader.enterObject())
        let x = try rules.x.take(&reader, &cursor, rules.table)
        let y = try rules.y.take(&reader, &cursor, rules.table)
        let z = try rules.z.take(&reader, &cursor, rules.table)
        try cursor.finish(&reader, rules.table)
        return Vector3(x, y, z)
    }

    /// Writes an object of the coordinates.
    @inlinable public func write<Writer: ContractWriter>(
        _ rules: VectorRules,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        var scope = try writer.openObject(count: 3, to: &output)
        try rules.x.put(x, &writer, &scope, &output)
        try rules.y.put(y, &writer, &scope, &output)
        try rules.z.put(z, &writer, &scope, &output)
        try writer.closeObject(scope, to: &output)
    }

    /// Reads eight bytes each.
    @inlinable public static func readCanonical(
        _ reader: inout CanonicalReader,
        _ rules: VectorRules
    ) throws(Fault) -> Vector3 {
        Vector3(
            try rules.x.takeCanonical(&reader),
            try rules.y.takeCanonical(&reader),
            try rules.z.takeCanonical(&reader)
        )
    }

    /// Writes eight bytes each.
    @inlinable public func writeCanonical(_ rules: VectorRules, to output: inout ByteBuffer) throws(Fault) {
        try rules.x.putCanonical(x, &output)
        try rules.y.putCanonical(y, &output)
        try rules.z.putCanonical(z, &output)
    }

    /// The coordinates.
    public static func shape(_ rules: VectorRules, nesting: Int) -> Shape { .vector3(rules.range) }
}
