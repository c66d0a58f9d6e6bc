/// The bytes of one message and how far they have been read: what all readers are made of.
///
/// Safe because it cannot outlive the bytes (`~Escapable`), and because every load below stands behind a comparison
/// with `end`, which only ever moves within the span that it was made from.
@safe @usableFromInline struct WireInput: ~Escapable {
    /// The first byte; never read when the message is empty.
    @usableFromInline let start: UnsafeRawPointer
    /// Where reading stops. Protobuf narrows it to the message being read, and widens it again.
    @usableFromInline var end: Int
    /// The offset of the next byte.
    @usableFromInline var at = 0
    /// How many containers are open.
    @usableFromInline var depth = 0

    @_lifetime(copy bytes)
    @inlinable init(_ bytes: RawSpan) {
        end = bytes.byteCount
        unsafe start = bytes.withUnsafeBytes {
            unsafe $0.baseAddress ?? UnsafeRawPointer(bitPattern: 8).unsafelyUnwrapped
        }
    }

    /// How many bytes are left.
    @inlinable @inline(__always) var left: Int { end &- at }

    /// The byte at an offset that the caller has compared with `end`.
    @inlinable @inline(__always) func byte(_ offset: Int) -> UInt8 {
        unsafe start.load(fromByteOffset: offset, as: UInt8.self)
    }

    /// Eight bytes, the first in the lowest place, at an offset that the caller has compared with `end`.
    @inlinable @inline(__always) func word(_ offset: Int) -> UInt64 {
        UInt64(littleEndian: unsafe start.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Takes one byte.
    @inlinable @inline(__always) mutating func take(_ expected: WireError.Expectation) throws(WireError) -> UInt8 {
        guard at < end else { throw ended(expected) }
        at &+= 1
        return byte(at &- 1)
    }

    /// Looks at the next byte.
    @inlinable @inline(__always) func peek(_ expected: WireError.Expectation) throws(WireError) -> UInt8 {
        guard at < end else { throw ended(expected) }
        return byte(at)
    }

    /// Takes an integer in network order.
    @inlinable @inline(__always)
    mutating func takeBig<Number: FixedWidthInteger>(_ type: Number.Type) throws(WireError) -> Number {
        let size = Number.bitWidth / 8
        guard left >= size else { throw WireError(.endOfInput, expected: .moreBytes, at: end) }
        at &+= size
        return Number(bigEndian: unsafe start.loadUnaligned(fromByteOffset: at &- size, as: Number.self))
    }

    /// Takes an integer in little-endian order.
    @inlinable @inline(__always)
    mutating func takeLittle<Number: FixedWidthInteger>(_ type: Number.Type) throws(WireError) -> Number {
        let size = Number.bitWidth / 8
        guard left >= size else { throw WireError(.endOfInput, expected: .moreBytes, at: end) }
        at &+= size
        return Number(littleEndian: unsafe start.loadUnaligned(fromByteOffset: at &- size, as: Number.self))
    }

    /// Takes a number of bytes that the message announced, as they are.
    @_lifetime(copy self)
    @inlinable @inline(__always) mutating func take(bytes count: UInt64) throws(WireError) -> WireSlice {
        guard count <= UInt64(left) else { throw WireError(.endOfInput, expected: .moreBytes, at: end) }
        let slice = self.slice(at, Int(count), .plain)
        at &+= Int(count)
        return slice
    }

    /// Takes a number of bytes that the message announced as text.
    @_lifetime(copy self)
    @inlinable @inline(__always) mutating func take(text count: UInt64) throws(WireError) -> WireSlice {
        guard count <= UInt64(left) else { throw WireError(.endOfInput, expected: .moreBytes, at: end) }
        let from = at
        try checkUTF8(Int(count))
        at &+= Int(count)
        return slice(from, Int(count), .plain)
    }

    /// Checks that the next bytes are one valid text. Eight ASCII bytes cost one comparison, and so do the last few.
    @inlinable @inline(__always) func checkUTF8(_ count: Int) throws(WireError) {
        let stop = at &+ count
        var index = at
        while stop &- index >= 8 {
            guard word(index) & RawBytes.highBits == 0 else { return try checkUTF8(from: index, to: stop) }
            index &+= 8
        }
        let rest = stop &- index
        guard rest > 0 else { return }
        // The word that ends with the text also has older bytes, which are shifted out. There are none in a message
        // that is shorter than a word.
        if stop >= 8, word(stop &- 8) &>> UInt64(truncatingIfNeeded: 64 &- 8 &* rest) & RawBytes.highBits == 0 {
            return
        }
        try checkUTF8(from: index, to: stop)
    }

    @usableFromInline func checkUTF8(from: Int, to stop: Int) throws(WireError) {
        var index = from
        while index < stop {
            let rest = unsafe UnsafeRawBufferPointer(start: start + index, count: stop - index)
            let length = unsafe RawBytes.characterLength(rest)
            guard length > 0 else { throw WireError(.invalidUTF8, expected: .utf8, at: index) }
            index += length
        }
    }

    /// A slice of bytes that the caller has compared with `end`.
    @_lifetime(copy self)
    @inlinable @inline(__always) func slice(_ from: Int, _ count: Int, _ form: WireSlice.Form) -> WireSlice {
        let slice = unsafe WireSlice(start: start + from, count: count, form: form)
        return unsafe _overrideLifetime(slice, copying: self)
    }

    /// Whether the next bytes are these.
    @inlinable @inline(__always) func starts(with bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= left, let other = bytes.baseAddress else { return unsafe bytes.isEmpty }
        return unsafe RawBytes.equal(start + at, other, bytes.count)
    }

    /// Counts one more open container.
    @inlinable @inline(__always) mutating func descend() throws(WireError) {
        guard depth < WireLimits.depthMax else { throw WireError(.tooDeep, expected: .fewerLevels, at: at) }
        depth &+= 1
    }

    /// Counts one open container less.
    @inlinable @inline(__always) mutating func ascend() { depth &-= 1 }

    @inlinable @inline(never) func ended(_ expected: WireError.Expectation) -> WireError {
        WireError(.endOfInput, expected: expected, at: end)
    }

    /// The refusal of the next byte, or of the end of the message.
    @inlinable @inline(never)
    func refusal(_ kind: WireError.Kind, _ expected: WireError.Expectation) -> WireError {
        WireError(at < end ? kind : .endOfInput, expected: expected, at: at)
    }
}
