/// Removes or applies a mask in place and says whether all bytes are ASCII afterwards.
///
/// `key` has the byte for the payload's next byte in its lowest place; the caller rotates it between pieces.
///
/// The whole length is walked in words of eight, with unaligned loads: no table, no alignment cases.
@inline(__always) func unmask(_ bytes: UnsafeMutableRawBufferPointer, key: UInt32) -> Bool {
    guard let base = bytes.baseAddress else { return true }
    let count = bytes.count
    let wide = UInt64(key) | UInt64(key) &<< 32
    var seen: UInt64 = 0
    var seenToo: UInt64 = 0
    var at = 0
    while count &- at >= 16 {
        let first = unsafe UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self)) ^ wide
        let second = unsafe UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at &+ 8, as: UInt64.self)) ^ wide
        unsafe base.storeBytes(of: first.littleEndian, toByteOffset: at, as: UInt64.self)
        unsafe base.storeBytes(of: second.littleEndian, toByteOffset: at &+ 8, as: UInt64.self)
        seen |= first
        seenToo |= second
        at &+= 16
    }
    while count &- at >= 4 {
        let word = unsafe UInt32(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt32.self)) ^ key
        unsafe base.storeBytes(of: word.littleEndian, toByteOffset: at, as: UInt32.self)
        seen |= UInt64(word)
        at &+= 4
    }
    var rest = key
    while at < count {
        let byte = unsafe base.load(fromByteOffset: at, as: UInt8.self) ^ UInt8(truncatingIfNeeded: rest)
        unsafe base.storeBytes(of: byte, toByteOffset: at, as: UInt8.self)
        seen |= UInt64(byte)
        rest &>>= 8
        at &+= 1
    }
    return (seen | seenToo) & 0x8080_8080_8080_8080 == 0
}

/// The key for the byte that follows `count` bytes.
@inline(__always) func rotateMask(_ key: UInt32, by count: Int) -> UInt32 {
    let bits = UInt32(truncatingIfNeeded: count & 3) &* 8
    return key &>> bits | key &<< ((32 &- bits) & 31)
}
