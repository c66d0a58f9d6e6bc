public import Base
public import Wire

extension Bool: FieldValue {
    /// Reads true or false.
    @inlinable @inline(__always)
    public static func read<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ rules: Void
    ) throws(Fault) -> Bool {
        do throws(WireError) { return try reader.bool() } catch { throw Fault.of(error) }
    }

    /// Writes true or false.
    @inlinable @inline(__always)
    public func write<Writer: ContractWriter>(
        _ rules: Void,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        do throws(WireError) { try writer.bool(self, to: &output) } catch { throw Fault.of(error) }
    }

    /// Reads one byte, 0 or 1.
    @inlinable public static func readCanonical(_ reader: inout CanonicalReader, _ rules: Void) throws(Fault) -> Bool {
        try reader.flag()
    }

    /// Writes one byte, 0 or 1.
    @inlinable public func writeCanonical(_ rules: Void, to output: inout ByteBuffer) throws(Fault) {
        output.append(self ? 1 : 0)
    }

    /// True or false.
    public static func shape(_ rules: Void, nesting: Int) -> Shape { .bool }

    /// A varint.
    @inlinable public static var wireElement: WireElement { .integer }
}

extension Int64: FieldValue {
    /// Reads a whole number within its range.
    @inlinable @inline(__always)
    public static func read<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ range: ClosedRange<Int64>
    ) throws(Fault) -> Int64 {
        let start = reader.bookmark
        let value: Int64
        do throws(WireError) { value = try reader.int64() } catch {
            value = try wholeDouble(&reader, from: start, instead: error)
        }
        return try value.judged(range)
    }

    /// Reads `250.0`, which is a whole number to JSON Schema and to languages that have one kind of number.
    @inlinable @inline(never)
    static func wholeDouble<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        from start: WireBookmark,
        instead error: WireError
    ) throws(Fault) -> Int64 {
        guard error.kind == .wrongType, Reader.format != .protobuf else { throw Fault.of(error) }
        reader.go(to: start)
        let value: Double
        do throws(WireError) { value = try reader.double() } catch { throw Fault.of(error) }
        // Beyond 2^53 a double stands for several whole numbers.
        guard value.magnitude <= 9_007_199_254_740_992, let whole = Int64(exactly: value) else { throw Fault.of(error) }
        return whole
    }

    /// Writes a whole number.
    @inlinable @inline(__always)
    public func write<Writer: ContractWriter>(
        _ range: ClosedRange<Int64>,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        let value = try judged(range)
        do throws(WireError) { try writer.int64(value, to: &output) } catch { throw Fault.of(error) }
    }

    /// Reads a varint in zigzag.
    @inlinable public static func readCanonical(
        _ reader: inout CanonicalReader,
        _ range: ClosedRange<Int64>
    ) throws(Fault) -> Int64 {
        try reader.signed().judged(range)
    }

    /// Writes a varint in zigzag.
    @inlinable public func writeCanonical(_ range: ClosedRange<Int64>, to output: inout ByteBuffer) throws(Fault) {
        Canonical.append(signed: try judged(range), to: &output)
    }

    @inlinable @inline(__always) func judged(_ range: ClosedRange<Int64>) throws(Fault) -> Int64 {
        guard self >= range.lowerBound, self <= range.upperBound else { throw Fault.of(.outOfRange) }
        return self
    }

    /// A whole number.
    public static func shape(_ range: ClosedRange<Int64>, nesting: Int) -> Shape { .int(range) }

    /// A varint.
    @inlinable public static var wireElement: WireElement { .integer }
}

extension Int: FieldValue {
    /// Reads a whole number within its range.
    @inlinable @inline(__always)
    public static func read<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ range: ClosedRange<Int64>
    ) throws(Fault) -> Int {
        Int(try Int64.read(&reader, range))
    }

    /// Writes a whole number.
    @inlinable @inline(__always)
    public func write<Writer: ContractWriter>(
        _ range: ClosedRange<Int64>,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        try Int64(self).write(range, with: &writer, to: &output)
    }

    /// Reads a varint in zigzag.
    @inlinable public static func readCanonical(
        _ reader: inout CanonicalReader,
        _ range: ClosedRange<Int64>
    ) throws(Fault) -> Int {
        Int(try Int64.readCanonical(&reader, range))
    }

    /// Writes a varint in zigzag.
    @inlinable public func writeCanonical(_ range: ClosedRange<Int64>, to output: inout ByteBuffer) throws(Fault) {
        try Int64(self).writeCanonical(range, to: &output)
    }

    /// A whole number.
    public static func shape(_ range: ClosedRange<Int64>, nesting: Int) -> Shape { .int(range) }

    /// A varint.
    @inlinable public static var wireElement: WireElement { .integer }
}

/// What a number may be.
public struct NumberRules: Sendable {
    /// The range, if there is one.
    public let range: ClosedRange<Double>?
    /// Whether NaN and the infinities may come. JSON has no way to write them.
    public let admitsNonFinite: Bool
    @usableFromInline let lowest: Double
    @usableFromInline let highest: Double

    /// Names the rules.
    ///
    /// - Precondition: the range is finite, and a number with a range admits nothing outside of it.
    public init(_ range: ClosedRange<Double>? = nil, admitsNonFinite: Bool = false) {
        precondition(range.map { $0.lowerBound.isFinite && $0.upperBound.isFinite } ?? true, "a range has finite ends")
        precondition(range == nil || !admitsNonFinite, "a number with a range cannot be NaN or infinite")
        self.range = range
        self.admitsNonFinite = admitsNonFinite
        lowest = range?.lowerBound ?? -Double.greatestFiniteMagnitude
        highest = range?.upperBound ?? Double.greatestFiniteMagnitude
    }

    /// The value if it keeps the rules. NaN is neither above nor below anything, so it needs no comparison of its own.
    @inlinable @inline(__always) func judge(_ value: Double) throws(Fault) -> Double {
        guard value >= lowest, value <= highest else { return try judgeOutside(value) }
        return value
    }

    @usableFromInline func judgeOutside(_ value: Double) throws(Fault) -> Double {
        if value.isFinite { throw Fault.of(.outOfRange) }
        guard admitsNonFinite else { throw Fault.of(.notFinite) }
        return value
    }
}

extension Double: FieldValue {
    /// Reads a number within its range.
    @inlinable @inline(__always)
    public static func read<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ rules: NumberRules
    ) throws(Fault) -> Double {
        let value: Double
        do throws(WireError) { value = try reader.double() } catch { throw Fault.of(error) }
        return try rules.judge(value)
    }

    /// Writes a number.
    @inlinable @inline(__always)
    public func write<Writer: ContractWriter>(
        _ rules: NumberRules,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        let value = try rules.judge(self)
        do throws(WireError) { try writer.double(value, to: &output) } catch { throw Fault.of(error) }
    }

    /// Reads eight bytes.
    @inlinable public static func readCanonical(
        _ reader: inout CanonicalReader,
        _ rules: NumberRules
    ) throws(Fault) -> Double {
        try rules.judge(try reader.double())
    }

    /// Writes eight bytes.
    @inlinable public func writeCanonical(_ rules: NumberRules, to output: inout ByteBuffer) throws(Fault) {
        Canonical.append(try rules.judge(self), to: &output)
    }

    /// A number.
    public static func shape(_ rules: NumberRules, nesting: Int) -> Shape {
        .number(rules.range, admitsNonFinite: rules.admitsNonFinite)
    }

    /// Eight bytes.
    @inlinable public static var wireElement: WireElement { .double }
}

/// A moment on the wire: milliseconds since 1970.
public struct Timestamp: Hashable, Comparable, Sendable {
    /// Milliseconds since 1970, from 0 to what a double still counts one by one.
    public var milliseconds: Int64

    /// Names a moment.
    @inlinable public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// The moment that a wall clock shows.
    @inlinable public init(_ time: WallTime) { milliseconds = time.milliseconds }

    /// Orders moments.
    @inlinable public static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }

    /// What the wire carries: 285,000 years.
    @inlinable static var range: ClosedRange<Int64> { 0...(1 << 53 - 1) }
}

extension Timestamp: FieldValue {
    /// Reads milliseconds since 1970.
    @inlinable public static func read<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ rules: Void
    ) throws(Fault) -> Timestamp {
        Timestamp(milliseconds: try Int64.read(&reader, range))
    }

    /// Writes milliseconds since 1970.
    @inlinable public func write<Writer: ContractWriter>(
        _ rules: Void,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        try milliseconds.write(Self.range, with: &writer, to: &output)
    }

    /// Reads a varint in zigzag.
    @inlinable public static func readCanonical(
        _ reader: inout CanonicalReader,
        _ rules: Void
    ) throws(Fault) -> Timestamp {
        Timestamp(milliseconds: try Int64.readCanonical(&reader, range))
    }

    /// Writes a varint in zigzag.
    @inlinable public func writeCanonical(_ rules: Void, to output: inout ByteBuffer) throws(Fault) {
        try milliseconds.writeCanonical(Self.range, to: &output)
    }

    /// Milliseconds since 1970.
    public static func shape(_ rules: Void, nesting: Int) -> Shape { .timestamp }

    /// A varint.
    @inlinable public static var wireElement: WireElement { .integer }
}
