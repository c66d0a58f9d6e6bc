/// SHA-1 (FIPS 180-4) for the handshake of RFC 6455, which proves nothing but that the server has read the key.
///
/// It is written here because this folder imports nothing but Base, and because nothing else may use so weak a hash:
/// what must be secure is in Crypto.
struct SHA1 {
    private var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
    private var block: [UInt8] = []
    private var count: UInt64 = 0

    init() { block.reserveCapacity(64) }

    mutating func update(_ byte: UInt8) {
        block.append(byte)
        count &+= 8
        if block.count == 64 { mix() }
    }

    mutating func update(_ bytes: RawSpan) {
        for index in 0..<bytes.byteCount { update(bytes.byte(index)) }
    }

    consuming func finish() -> [UInt8] {
        let length = count
        update(0x80)
        while block.count != 56 { update(0) }
        for shift in stride(from: UInt64(56), through: 0, by: -8) { update(UInt8(truncatingIfNeeded: length >> shift)) }
        return state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(24 - $0 * 8)) } }
    }

    private mutating func mix() {
        var words = [UInt32](repeating: 0, count: 80)
        for index in 0..<64 { words[index / 4] = words[index / 4] << 8 | UInt32(block[index]) }
        for index in 16..<80 {
            let mixed = words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16]
            words[index] = mixed << 1 | mixed >> 31
        }
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for index in 0..<80 {
            let (choice, constant): (UInt32, UInt32) =
                switch index {
                case ..<20: (b & c | ~b & d, 0x5A82_7999)
                case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
                case ..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
                default: (b ^ c ^ d, 0xCA62_C1D6)
                }
            let turned = (a << 5 | a >> 27) &+ choice &+ e &+ constant &+ words[index]
            (a, b, c, d, e) = (turned, a, b << 30 | b >> 2, c, d)
        }
        state = [state[0] &+ a, state[1] &+ b, state[2] &+ c, state[3] &+ d, state[4] &+ e]
        block.removeAll(keepingCapacity: true)
    }
}
