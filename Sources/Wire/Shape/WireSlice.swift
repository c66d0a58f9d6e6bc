public import Base

/// A text or bytes as they stand in the message, borrowed and already checked: reading one allocates nothing.
///
/// Mostly the bytes are there as they are (`plain`). A JSON text with escapes, bytes as base64 and a chunked text of
/// CBOR are decoded when they are copied; their reader has checked them, so that cannot fail.
@safe public struct WireSlice: ~Escapable {
    // Safe because a slice cannot outlive its reader's bytes, and a reader makes one only of bytes that it has counted.
    @usableFromInline let start: UnsafeRawPointer
    @usableFromInline let count: Int
    @usableFromInline let form: Form

    @usableFromInline enum Form: UInt8, Sendable {
        /// The bytes themselves.
        case plain
        /// The inside of a JSON text that has escapes.
        case escaped
        /// The inside of a JSON text that holds bytes as base64.
        case base64
        /// CBOR chunks with their heads, without the break that ends them.
        case chunks
    }

    @_lifetime(immortal)
    @inlinable @inline(__always) init(start: UnsafeRawPointer, count: Int, form: Form) {
        unsafe self.start = start
        self.count = count
        self.form = form
    }

    /// Whether the bytes stand in the message as they are, so that they can be borrowed.
    @inlinable public var isPlain: Bool { form == .plain }

    /// The bytes as they stand in the message. They are the text or bytes themselves when `isPlain`.
    @inlinable public var rawBytes: RawSpan {
        @_lifetime(copy self)
        get {
            let span = unsafe RawSpan(_unsafeBytes: raw)
            return unsafe _overrideLifetime(span, copying: self)
        }
    }

    /// How many bytes the text or the bytes have once decoded. Walks over them unless `isPlain`.
    @inlinable public var byteCount: Int { form == .plain ? count : decodedCount() }

    /// The text. Allocates beyond 15 bytes.
    public func string() -> String {
        if form == .plain { return unsafe String(decoding: raw, as: UTF8.self) }
        var buffer = ByteBuffer()
        copy(to: &buffer)
        return unsafe buffer.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// The bytes, or the UTF-8 of the text.
    public func array() -> [UInt8] {
        if form == .plain { return unsafe Array(raw) }
        var array: [UInt8] = []
        unsafe forEachRun { unsafe array.append(contentsOf: $0) }
        return array
    }

    /// Appends the bytes, or the UTF-8 of the text.
    @inlinable public func copy(to output: inout ByteBuffer) {
        if form == .plain { unsafe output.append(copying: raw) } else { copyRuns(to: &output) }
    }

    /// Whether this is the text that was known when the program was compiled.
    @inlinable @inline(__always) public func equals(_ text: StaticString) -> Bool {
        precondition(text.hasPointerRepresentation)
        return unsafe equals(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Whether this is the name of a field.
    @inlinable @inline(__always) public func equals(_ key: FieldKey) -> Bool { unsafe equals(key.utf8) }

    /// Whether this is the text, byte by byte: texts that only look the same are different keys.
    @_disfavoredOverload public func equals(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { unsafe equals(UnsafeRawBufferPointer($0)) }
    }

    @inlinable @inline(__always) func equals(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard form == .plain else { return unsafe equalsRuns(bytes) }
        guard bytes.count == count, let other = bytes.baseAddress else { return unsafe count == 0 && bytes.isEmpty }
        return unsafe RawBytes.equal(start, other, count)
    }

    @inlinable var raw: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: start, count: count) }
}

// Decoding, for the slices that are not plain.
extension WireSlice {
    @usableFromInline func decodedCount() -> Int {
        var total = 0
        unsafe forEachRun { total += $0.count }
        return total
    }

    @usableFromInline func copyRuns(to output: inout ByteBuffer) {
        unsafe forEachRun { unsafe output.append(copying: $0) }
    }

    @usableFromInline func equalsRuns(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var seen = 0
        var same = true
        unsafe forEachRun { run in
            for index in run.indices {
                same = unsafe same && seen < bytes.count && bytes[seen] == run[index]
                seen += 1
            }
        }
        return same && seen == bytes.count
    }

    /// Calls `body` with one decoded piece after the other.
    func forEachRun(_ body: (UnsafeRawBufferPointer) -> Void) {
        switch form {
        case .plain: unsafe body(raw)
        case .escaped: unsafe JSONText.unescape(raw, body)
        case .chunks: unsafe CBORReader.forEachChunk(raw, body)
        case .base64:
            var decoder = Base64Decoder()
            unsafe JSONText.unescape(raw) { run in
                for index in run.indices {
                    guard case .byte(let decoded) = unsafe decoder.accept(run[index]) else { continue }
                    unsafe withUnsafeBytes(of: decoded) { unsafe body($0) }
                }
            }
        }
    }
}

/// The key of an entry: text, or a field number of Protobuf.
@safe public struct WireKey: ~Escapable {
    /// The name; empty in Protobuf.
    public let text: WireSlice
    /// The field number in Protobuf; 0 elsewhere.
    public let number: UInt32

    @_lifetime(copy text)
    @inlinable @inline(__always) init(_ text: WireSlice, number: UInt32 = 0) {
        self.text = text
        self.number = number
    }

    /// Whether this is the key of a field: by number where the format has numbers, else by name.
    @inlinable @inline(__always) public func matches(_ key: FieldKey) -> Bool {
        number == 0 ? text.equals(key) : number == key.number
    }
}
