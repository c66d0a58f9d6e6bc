import Wire

import Base

/// A test's name for a format in its arguments.
let selfDescribing: [WireFormat] = [.json, .messagePack, .cbor]

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Bytes from hexadecimal digits; spaces are for the reader.
func hex(_ digits: String) -> [UInt8] {
    let digits = digits.utf8.filter { $0 != UInt8(ascii: " ") }
    return stride(from: 0, to: digits.count - 1, by: 2).map { index in
        UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16) ?? 0
    }
}

func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// Lends bytes as the span that readers take.
func buffer(_ bytes: [UInt8]) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.append(bytes)
    return buffer
}

func read(_ bytes: [UInt8], as format: WireFormat) throws(WireError) -> Value {
    let input = buffer(bytes)
    return try Value(input.bytes, as: format)
}

func written(_ value: Value, as format: WireFormat) throws(WireError) -> [UInt8] {
    var output = ByteBuffer()
    try value.write(format, to: &output)
    return output.array()
}

func transcoded(_ bytes: [UInt8], _ from: WireFormat, _ to: WireFormat) throws(WireError) -> [UInt8] {
    let input = buffer(bytes)
    var output = ByteBuffer()
    try Transcoder.transcode(from: from, to: to, input: input.bytes, output: &output)
    return output.array()
}

/// Why a message is refused as it stands, or nil: both the tree and the stream must agree.
func refusal(_ bytes: [UInt8], _ format: WireFormat) -> WireError? {
    do {
        _ = try transcoded(bytes, format, format)
        return nil
    } catch {
        return error
    }
}

/// A small generator with a seed (SplitMix64), the same on every machine.
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// Any value that every self-describing format can hold; with `bytes` only where asked.
    mutating func value(depth: Int = 4, withBytes: Bool = false) -> Value {
        switch Int.random(in: 0..<(depth > 0 ? 9 : 6), using: &self) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &self))
        case 2: return integer()
        case 3: return .double(double())
        case 4: return .string(text())
        case 5:
            guard withBytes else { return integer() }
            return .bytes(
                (0..<Int.random(in: 0..<40, using: &self)).map { _ in UInt8.random(in: 0...255, using: &self) }
            )
        case 6, 7:
            var object = Value.Object()
            for _ in 0..<Int.random(in: 0..<20, using: &self) {
                object[text()] = value(depth: depth - 1, withBytes: withBytes)
            }
            return .object(object)
        default:
            let count = Int.random(in: 0..<20, using: &self)
            return .array((0..<count).map { _ in value(depth: depth - 1, withBytes: withBytes) })
        }
    }

    private mutating func integer() -> Value {
        let bits = next() >> UInt64.random(in: 0..<64, using: &self)
        if Bool.random(using: &self) { return .int(-Int64(bits >> 1) - 1) }
        return Int64(exactly: bits).map { .int($0) } ?? .uint(bits)
    }

    mutating func double() -> Double {
        switch Int.random(in: 0..<4, using: &self) {
        case 0: return Double(Int.random(in: -100_000...100_000, using: &self)) / 1_000
        case 1: return Double(Float(bitPattern: UInt32.random(in: 0..<0x7F80_0000, using: &self)))
        case 2: return Double.random(in: -1e6...1e6, using: &self)
        default:
            let any = Double(bitPattern: next())
            return any.isFinite ? any : 0
        }
    }

    mutating func text() -> String {
        let letters: [Unicode.Scalar] = [
            "a", "z", "_", "\"", "\\", "\n", "\u{0}", "\u{1F}", "é", "ß", "€", "中", "\u{1F600}", "\u{10FFFF}",
        ]
        var text = ""
        for _ in 0..<Int.random(in: 0..<24, using: &self) {
            let plain = Int.random(in: 0..<4, using: &self) > 0
            text.unicodeScalars.append(plain ? "k" : letters.randomElement(using: &self) ?? "k")
        }
        return text
    }
}
