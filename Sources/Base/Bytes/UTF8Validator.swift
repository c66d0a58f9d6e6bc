/// Checks UTF-8 piece by piece, and fails at the first byte that no valid text can continue with.
///
/// It keeps what a character still needs across pieces, so the verdict does not depend on how the bytes were cut.
public struct UTF8Validator: Sendable {
    /// How many continuation bytes the character in progress still needs.
    @usableFromInline var needed: UInt8 = 0
    /// The range in which the next continuation byte must lie: narrower after E0, ED, F0 and F4.
    @usableFromInline var lowest: UInt8 = 0x80
    @usableFromInline var highest: UInt8 = 0xBF

    /// Starts at the beginning of a text.
    @inlinable public init() {}

    /// Whether the text may end here: no character is in progress.
    @inlinable public var isComplete: Bool { needed == 0 }

    /// Checks the next piece.
    ///
    /// - Returns: `false` when the text so far is not the beginning of any valid text.
    @inlinable public mutating func accept(_ bytes: RawSpan) -> Bool {
        unsafe bytes.withUnsafeBytes { unsafe accept($0) }
    }

    /// Whether the bytes are one whole valid text.
    @inlinable public static func isValid(_ bytes: RawSpan) -> Bool {
        var validator = UTF8Validator()
        return validator.accept(bytes) && validator.isComplete
    }

    /// Checks the next piece, lent as a raw buffer.
    @inlinable public mutating func accept(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        let count = bytes.count
        var index = 0
        while index < count {
            if needed == 0 {
                while count &- index >= 8,
                    unsafe base.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
                {
                    index &+= 8
                }
                while index < count, unsafe base.load(fromByteOffset: index, as: UInt8.self) < 0x80 { index &+= 1 }
                guard index < count else { return true }
                guard begin(unsafe base.load(fromByteOffset: index, as: UInt8.self)) else { return false }
            } else {
                let byte = unsafe base.load(fromByteOffset: index, as: UInt8.self)
                guard byte >= lowest, byte <= highest else { return false }
                needed &-= 1
                lowest = 0x80
                highest = 0xBF
            }
            index &+= 1
        }
        return true
    }

    /// Takes the first byte of a character of two to four bytes.
    @inlinable mutating func begin(_ lead: UInt8) -> Bool {
        switch lead {
        case 0xC2...0xDF: needed = 1
        case 0xE0: (needed, lowest) = (2, 0xA0)  // below: an overlong form
        case 0xE1...0xEC, 0xEE, 0xEF: needed = 2
        case 0xED: (needed, highest) = (2, 0x9F)  // above: a surrogate
        case 0xF0: (needed, lowest) = (3, 0x90)  // below: an overlong form
        case 0xF1...0xF3: needed = 3
        case 0xF4: (needed, highest) = (3, 0x8F)  // above: past U+10FFFF
        default: return false
        }
        return true
    }
}
