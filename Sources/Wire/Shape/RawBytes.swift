/// What readers and writers do with bytes eight at a time.
@usableFromInline enum RawBytes {
    @inlinable static var highBits: UInt64 { 0x8080_8080_8080_8080 }
    @inlinable static var ones: UInt64 { 0x0101_0101_0101_0101 }

    /// Whether two areas of `count` readable bytes are the same. Short keys cost two overlapping loads.
    @inlinable @inline(__always)
    static func equal(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Bool {
        if count >= 8 {
            var offset = 0
            while offset &+ 8 < count {
                guard unsafe word(left + offset) == word(right + offset) else { return false }
                offset &+= 8
            }
            return unsafe word(left + (count &- 8)) == word(right + (count &- 8))
        }
        if count >= 4 {
            return unsafe half(left) == half(right) && half(left + (count &- 4)) == half(right + (count &- 4))
        }
        var offset = 0
        while offset < count {
            guard unsafe byte(left + offset) == byte(right + offset) else { return false }
            offset &+= 1
        }
        return true
    }

    @inlinable @inline(__always) static func word(_ pointer: UnsafeRawPointer) -> UInt64 {
        unsafe pointer.loadUnaligned(as: UInt64.self)
    }

    @inlinable @inline(__always) static func byte(_ pointer: UnsafeRawPointer) -> UInt8 {
        unsafe pointer.load(as: UInt8.self)
    }

    @inlinable @inline(__always) static func half(_ pointer: UnsafeRawPointer) -> UInt32 {
        unsafe pointer.loadUnaligned(as: UInt32.self)
    }

    /// Marks the high bit of each byte that a JSON text must not contain as it is, or that needs a closer look: a
    /// quote, a backslash, a control character, or a part of a character beyond ASCII. The lowest mark is always right; marks
    /// above it may be wrong, because a borrow can spill over.
    @inlinable @inline(__always) static func marks(_ word: UInt64) -> UInt64 {
        let quote = word ^ 0x2222_2222_2222_2222
        let backslash = word ^ 0x5C5C_5C5C_5C5C_5C5C
        let found = (quote &- ones) | (backslash &- ones) | (word &- 0x2020_2020_2020_2020) | word
        return found & highBits
    }

    /// The length of the valid UTF-8 character at the start of the bytes, or 0.
    @usableFromInline static func characterLength(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let lead = unsafe bytes.first else { return 0 }
        var lowest: UInt8 = 0x80
        var highest: UInt8 = 0xBF
        let length: Int
        switch lead {
        case ..<0x80: return 1
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, lowest) = (3, 0xA0)  // below: an overlong form
        case 0xE1...0xEC, 0xEE, 0xEF: length = 3
        case 0xED: (length, highest) = (3, 0x9F)  // above: a surrogate
        case 0xF0: (length, lowest) = (4, 0x90)  // below: an overlong form
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, highest) = (4, 0x8F)  // above: past U+10FFFF
        default: return 0
        }
        guard bytes.count >= length, unsafe (lowest...highest).contains(bytes[1]) else { return 0 }
        for index in 2..<max(2, length) where unsafe bytes[index] & 0xC0 != 0x80 { return 0 }
        return length
    }
}
