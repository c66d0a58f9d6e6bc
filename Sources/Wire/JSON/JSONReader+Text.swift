// Texts. They are checked while their end is sought: escapes, control characters, UTF-8.
extension JSONReader {
    /// Reads a text, borrowed. It is valid UTF-8 once its escapes are decoded.
    @_lifetime(copy self)
    @inlinable @inline(__always) public mutating func text() throws(WireError) -> WireSlice {
        skipSpace()
        guard input.at < input.end, input.byte(input.at) == UInt8(ascii: "\"") else { throw typeRefusal(.text) }
        return try scanText()
    }

    /// Reads bytes, which are base64 in a text.
    @_lifetime(copy self)
    public mutating func bytes() throws(WireError) -> WireSlice {
        skipSpace()
        let from = input.at
        let text = try text()
        var decoder = Base64Decoder()
        var isValid = true
        unsafe text.forEachRun { run in
            for index in run.indices where unsafe decoder.accept(run[index]) == .refused { isValid = false }
        }
        guard isValid, decoder.isComplete else { throw WireError(.invalidBase64, expected: .base64, at: from) }
        return input.slice(from + 1, input.at - from - 2, .base64)
    }

    /// Reads the text whose opening quote is the next byte.
    @_lifetime(copy self)
    @inlinable @inline(__always) mutating func scanText() throws(WireError) -> WireSlice {
        let from = input.at &+ 1
        var index = from
        while input.end &- index >= 8 {
            let marks = RawBytes.marks(input.word(index))
            guard marks != 0 else {
                index &+= 8
                continue
            }
            index &+= marks.trailingZeroBitCount &>> 3
            guard input.byte(index) == UInt8(ascii: "\"") else { break }
            input.at = index &+ 1
            return input.slice(from, index &- from, .plain)
        }
        let isEscaped = try scanRest(from: index)
        return input.slice(from, input.at &- 1 &- from, isEscaped ? .escaped : .plain)
    }

    /// Finds the closing quote, from a byte that is special or too near to the end for a whole word.
    ///
    /// - Returns: whether there are escapes.
    @usableFromInline mutating func scanRest(from: Int) throws(WireError) -> Bool {
        var index = from
        var isEscaped = false
        while index < input.end {
            if input.end - index >= 8, RawBytes.marks(input.word(index)) == 0 {
                index += 8
                continue
            }
            switch input.byte(index) {
            case UInt8(ascii: "\""):
                input.at = index + 1
                return isEscaped
            case UInt8(ascii: "\\"):
                isEscaped = true
                index += try escapeLength(at: index)
            case ..<0x20: throw WireError(.controlCharacter, expected: .escape, at: index)
            case ..<0x80: index += 1
            default:
                let rest = unsafe UnsafeRawBufferPointer(start: input.start + index, count: input.end - index)
                let length = unsafe RawBytes.characterLength(rest)
                guard length > 0 else { throw WireError(.invalidUTF8, expected: .utf8, at: index) }
                index += length
            }
        }
        throw input.ended(.text)
    }

    /// Checks the escape at a backslash and says how many bytes it has. A pair of surrogates is one escape.
    private func escapeLength(at index: Int) throws(WireError) -> Int {
        guard index + 1 < input.end else { throw input.ended(.escape) }
        switch input.byte(index + 1) {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return 2
        case UInt8(ascii: "u"): break
        default: throw WireError(.invalidEscape, expected: .escape, at: index + 1)
        }
        let unit = try codeUnit(at: index + 2)
        switch unit {
        case 0xD800...0xDBFF: break
        case 0xDC00...0xDFFF: throw WireError(.loneSurrogate, expected: .escape, at: index)
        default: return 6
        }
        guard index + 6 < input.end else { throw input.ended(.lowSurrogate) }
        guard input.byte(index + 6) == UInt8(ascii: "\\") else {
            throw WireError(.loneSurrogate, expected: .lowSurrogate, at: index + 6)
        }
        guard index + 7 < input.end else { throw input.ended(.lowSurrogate) }
        guard input.byte(index + 7) == UInt8(ascii: "u"), (0xDC00...0xDFFF).contains(try codeUnit(at: index + 8)) else {
            throw WireError(.loneSurrogate, expected: .lowSurrogate, at: index + 6)
        }
        return 12
    }

    private func codeUnit(at index: Int) throws(WireError) -> UInt32 {
        let bytes = unsafe UnsafeRawBufferPointer(start: input.start, count: input.end)
        if let unit = unsafe JSONText.codeUnit(bytes, at: index) { return unit }
        for place in index..<min(index + 4, input.end) {
            guard unsafe JSONText.digit(bytes[place]) == nil else { continue }
            throw WireError(.invalidEscape, expected: .escape, at: place)
        }
        throw input.ended(.escape)
    }
}
