import Contracts
import Wire

/// Each bound, one past it, and what is far away.
extension AttackCorpus {
    private static let binary: Set<WireFormat> = [.messagePack, .cbor, .protobuf]
    private static let named: Set<WireFormat> = [.json, .messagePack, .cbor]

    mutating func attackInt(_ range: ClosedRange<Int64>, at path: String, _ place: Place) {
        add("\(path): the smallest", place(.plain(.int(range.lowerBound))))
        add("\(path): the largest", place(.plain(.int(range.upperBound))))
        if range.lowerBound > .min {
            add(
                .refused(
                    "one below the smallest",
                    place(.plain(.int(range.lowerBound - 1))),
                    at: path,
                    ["out_of_range"]
                )
            )
            add(.refused("far below", place(.plain(.int(.min))), at: path, ["out_of_range"]))
        }
        if range.upperBound < .max {
            add(
                .refused("one above the largest", place(.plain(.int(range.upperBound + 1))), at: path, ["out_of_range"])
            )
            add(.refused("far above", place(.plain(.int(.max))), at: path, ["out_of_range"]))
        }
        // Ten bytes of varint are a negative number to Protobuf.
        add(.refused("more than 63 bits", place(.plain(.uint(.max))), at: path, ["out_of_range"], in: Self.named))
        add(.refused("a huge number", place(.plain(.double(1e300))), at: path, in: Self.named))
        add(.refused("NaN", place(.plain(.double(.nan))), at: path, in: Self.binary))
    }

    mutating func attackNumber(
        _ range: ClosedRange<Double>?,
        admitsNonFinite: Bool,
        at path: String,
        _ place: Place
    ) {
        for (name, value) in [("NaN", Double.nan), ("infinity", .infinity), ("minus infinity", -.infinity)] {
            let params = place(.plain(.double(value)))
            if admitsNonFinite {
                add("\(path): \(name)", params, in: Self.binary)
            } else {
                add(.refused(name, params, at: path, ["not_finite", "out_of_range"], in: Self.binary))
            }
        }
        let huge = Double.greatestFiniteMagnitude
        guard let range else {
            add("\(path): the largest number there is", place(.plain(.double(huge))))
            return add("\(path): the smallest number there is", place(.plain(.double(-huge))))
        }
        add("\(path): the smallest", place(.plain(.double(range.lowerBound))))
        add("\(path): the largest", place(.plain(.double(range.upperBound))))
        for (name, value) in [
            ("just below the smallest", range.lowerBound.nextDown), ("just above the largest", range.upperBound.nextUp),
            ("far below", -huge), ("far above", huge),
        ] where !range.contains(value) && value.isFinite {
            add(.refused(name, place(.plain(.double(value))), at: path, ["out_of_range"]))
        }
    }

    mutating func attackText(
        _ length: ClosedRange<Int>,
        _ characters: TextCharacters,
        at path: String,
        _ place: Place
    ) {
        func text(_ count: Int) -> AttackValue { place(.plain(.string(AttackSamples.text(count, characters)))) }
        if length.lowerBound > 0 {
            add(.refused("one character too few", text(length.lowerBound - 1), at: path, ["too_short"]))
        }
        add("\(path): the shortest", text(length.lowerBound))
        if length.upperBound < Self.valueBytesMax {
            add("\(path): the longest", text(length.upperBound))
            add(.refused("one character too long", text(length.upperBound + 1), at: path, ["too_long"]))
            add(
                .refused(
                    "far too long",
                    text(min(length.upperBound + 60_000, Self.valueBytesMax)),
                    at: path,
                    ["too_long"]
                )
            )
        } else {
            omit("\(path): the longest text has more than \(Self.valueBytesMax) bytes")
        }
        guard length.upperBound > 0 else { return }
        let count = max(1, length.lowerBound)
        for bad in Self.badCharacters(characters) {
            let value = AttackSamples.text(count - 1, characters) + String(Character(bad))
            let name = "the character U+\(String(bad.value, radix: 16, uppercase: true))"
            add(.refused(name, place(.plain(.string(value))), at: path, ["bad_character"]))
        }
        if case .any = characters, length.upperBound < Self.valueBytesMax / 4 {
            let wide = String(repeating: "\u{1F3AE}", count: length.upperBound)
            add("\(path): the longest, of four bytes each", place(.plain(.string(wide))))
        }
    }

    private static func badCharacters(_ characters: TextCharacters) -> [Unicode.Scalar] {
        switch characters {
        case .any: []
        case .line: ["\n", "\0", "\u{1B}", "\u{2028}"]
        case .identifier: [" ", "/", "'", "\0", "\u{E9}", "\u{FF41}"]
        case .only(let all): (["~", "\n", "\u{E9}"] as [Unicode.Scalar]).filter { !all.unicodeScalars.contains($0) }
        }
    }

    mutating func attackChoice(_ words: [String], at path: String, _ place: Place) {
        for word in words { add("\(path): \(word)", place(.plain(.string(word)))) }
        var strangers = ["", "no_such_choice", String(repeating: "x", count: 10_000)]
        if let first = words.first {
            strangers += [first.uppercased(), first.lowercased(), first + " ", String(first.dropLast())]
        }
        for stranger in strangers where !words.contains(stranger) {
            let name = "the unknown choice \"\(stranger.prefix(20))\""
            add(.refused(name, place(.plain(.string(stranger))), at: path, ["unknown_choice"]))
        }
    }

    mutating func attackBytes(_ count: ClosedRange<Int>, at path: String, _ place: Place) {
        func bytes(_ count: Int) -> AttackValue { place(.plain(.bytes(Array(repeating: 7, count: count)))) }
        if count.lowerBound > 0 {
            add(.refused("one byte too few", bytes(count.lowerBound - 1), at: path, ["too_short"]))
        }
        add("\(path): the fewest", bytes(count.lowerBound))
        guard count.upperBound < Self.valueBytesMax else {
            return omit("\(path): bytes may be more than \(Self.valueBytesMax)")
        }
        add("\(path): the most", bytes(count.upperBound))
        add(.refused("one byte too many", bytes(count.upperBound + 1), at: path, ["too_long"]))
    }

    mutating func attackList(_ element: Shape, _ count: ClosedRange<Int>, at path: String, _ place: Place) {
        func list(_ count: Int) -> AttackValue { place(AttackSamples.list(element, count)) }
        if count.lowerBound > 0 {
            add(.refused("one too few", list(count.lowerBound - 1), at: path, ["too_few"]))
            add("\(path): the fewest", list(count.lowerBound))
        } else {
            add("\(path): none", list(0))
        }
        attackMost(count.upperBound, AttackSamples.value(element), at: path) { list($0) }
        guard count.upperBound > 0 else { return }
        let others = AttackSamples.value(element)
        let size = max(1, count.lowerBound)
        let within = Place { place(.list(Array(repeating: others, count: size - 1) + [$0])) }
        attack(element, at: "\(path)[\(size - 1)]", within)
    }

    mutating func attackMap(
        _ shape: Shape,
        _ count: ClosedRange<Int>,
        nameLengthMax: Int,
        at path: String,
        _ place: Place
    ) {
        func map(_ count: Int) -> AttackValue { place(AttackSamples.map(shape, count)) }
        if count.lowerBound > 0 {
            add(.refused("one too few", map(count.lowerBound - 1), at: path, ["too_few"]))
            add("\(path): the fewest", map(count.lowerBound))
        } else {
            add("\(path): none", map(0))
        }
        attackMost(count.upperBound, AttackSamples.value(shape), at: path) { map($0) }
        guard count.upperBound > 0 else { return }
        let good = AttackSamples.value(shape)
        let before = (1..<max(1, count.lowerBound)).map { AttackValue.Entry(name: "n\($0)", value: good) }
        func named(_ name: String) -> AttackValue { place(.map(before + [AttackValue.Entry(name: name, value: good)])) }
        add("\(path): the longest name", named(String(repeating: "k", count: nameLengthMax)))
        let long = String(repeating: "k", count: nameLengthMax + 1)
        add(.refused("a name too long", named(long), at: "\(path).\(long.prefix(32))", ["too_long"]))
        add(.refused("an empty name", named(""), at: "\(path).", ["too_short"]))
        if count.upperBound > before.count + 1 {
            let twice = [AttackValue.Entry(name: "k", value: good), AttackValue.Entry(name: "k", value: good)]
            add(.refused("a name twice", place(.map(before + twice)), at: "\(path).k", ["duplicate_key"]))
        }
        let within = Place { place(.map(before + [AttackValue.Entry(name: "k", value: $0)])) }
        attack(shape, at: "\(path).k", within)
    }

    /// The most entries and one more, where that fits into a message.
    private mutating func attackMost(
        _ most: Int,
        _ one: AttackValue,
        at path: String,
        _ make: (Int) -> AttackValue
    ) {
        let size = (AttackValue.list([one]).encodedSize + 8) * (most + 1)
        guard most < 100_000, size < Self.valueBytesMax else {
            return omit("\(path): the most entries have more than \(Self.valueBytesMax) bytes")
        }
        add("\(path): the most", make(most))
        add(.refused("one too many", make(most + 1), at: path, ["too_many"]))
    }
}

extension AttackValue {
    /// About how many bytes it takes.
    var encodedSize: Int { encoded(.json)?.count ?? 64 }
}
