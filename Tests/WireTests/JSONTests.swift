import Base
import Testing
import Wire

@Suite("JSON") struct JSONTests {
    @Test(arguments: [
        ("0", "0"), ("-0", "-0.0"), ("-1", "-1"), (" 12 ", "12"), ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"), ("18446744073709551615", "18446744073709551615"),
        ("18446744073709551616", "1.8446744073709552e+19"), ("-9223372036854775809", "-9.223372036854775808e+18"),
        ("1.0", "1.0"), ("2.50", "2.5"), ("-0.125", "-0.125"), ("1e3", "1000.0"), ("1E+2", "100.0"), ("5e-1", "0.5"),
        ("1e16", "1e+16"), ("123456.789", "123456.789"), ("0.1", "0.1"), ("1e-7", "1e-07"), ("4.9e-324", "5e-324"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"), ("1e-400", "0.0"), ("-1e-400", "-0.0"),
        ("9007199254740993.0", "9007199254740992.0"), ("0.3", "0.3"),
        ("2.2250738585072011e-308", "2.225073858507201e-308"),
        ("100000000000000000000000000000000000000000000000001", "1e+50"), ("0e99", "0.0"),
    ])
    func `numbers come out as the nearest value in its shortest form`(_ input: String, _ output: String) throws {
        let number = text(try transcoded(bytes(input), .json, .json))
        #expect(Double(number) == Double(output))
        #expect(number.count <= output.count)
        #expect(try text(transcoded(bytes(number), .json, .json)) == number)
    }

    @Test(arguments: [
        (#""""#, #""""#), (#""a/b\/c""#, #""a/b/c""#), (#""\u0041\u00e9\u20AC""#, #""Aé€""#),
        (#""\ud83d\ude00""#, #""😀""#), (#""\uDBFF\uDFFF""#, "\"\u{10FFFF}\""),
        (#""\b\f\n\r\t\"\\""#, #""\b\f\n\r\t\"\\""#),
        (#""\u0000\u001F\u007f""#, "\"\\u0000\\u001f\u{7F}\""), ("\"\u{2028}\u{FEFF}\"", "\"\u{2028}\u{FEFF}\""),
        ("[ ]", "[]"), ("\t{\r\n}\n", "{}"),
        (#"{"a" : [ 1 , { "b":null } ] , "c":true}"#, #"{"a":[1,{"b":null}],"c":true}"#),
        (#"{"a":1,"a":2}"#, #"{"a":1,"a":2}"#), (#"{"":{"\u0061":false}}"#, #"{"":{"a":false}}"#), ("null", "null"),
        (#"["0123456789abcdef\n0123456789abcdef"]"#, #"["0123456789abcdef\n0123456789abcdef"]"#),
    ])
    func `every valid text is accepted and written compactly`(_ input: String, _ output: String) throws {
        #expect(try text(transcoded(bytes(input), .json, .json)) == output)
    }

    @Test(
        arguments: [
            ("", .endOfInput, 0), ("  ", .endOfInput, 2), ("nul", .endOfInput, 3), ("nulL", .unexpectedByte, 3),
            ("True", .unexpectedByte, 0), ("truth", .unexpectedByte, 3), ("NaN", .unexpectedByte, 0),
            ("-Infinity", .malformedNumber, 1),
            ("Infinity", .unexpectedByte, 0), ("1 2", .trailingBytes, 2), ("[]]", .trailingBytes, 2),
            ("{}//", .trailingBytes, 2),
            ("\u{FEFF}{}", .unexpectedByte, 0), ("'a'", .unexpectedByte, 0), ("01", .malformedNumber, 1),
            ("-01", .malformedNumber, 2),
            ("-", .endOfInput, 1), ("+1", .unexpectedByte, 0), (".5", .unexpectedByte, 0), ("1.", .endOfInput, 2),
            ("1.e1", .malformedNumber, 2), ("1e", .endOfInput, 2), ("1e+", .endOfInput, 3),
            ("1ea", .malformedNumber, 2),
            ("0x1", .trailingBytes, 1), ("1_000", .trailingBytes, 1), ("１", .unexpectedByte, 0),
            ("1e309", .numberOutOfRange, 0),
            ("-1e999999999999999999999", .numberOutOfRange, 0), ("[1,]", .unexpectedByte, 3),
            ("[,1]", .unexpectedByte, 1),
            ("[1,,2]", .unexpectedByte, 3), ("[1 2]", .unexpectedByte, 3), ("[1}", .unexpectedByte, 2),
            ("[", .endOfInput, 1),
            ("[1", .endOfInput, 2), ("{]", .unexpectedByte, 1), (#"{"a"}"#, .unexpectedByte, 4),
            (#"{"a":}"#, .unexpectedByte, 5),
            (#"{"a":1,}"#, .unexpectedByte, 7), (#"{"a":1 "b":2}"#, .unexpectedByte, 7),
            (#"{a:1}"#, .unexpectedByte, 1),
            (#"{1:1}"#, .unexpectedByte, 1), (#"{"a"::1}"#, .unexpectedByte, 5), (#"{"a":1]"#, .unexpectedByte, 6),
            (#"{null:1}"#, .unexpectedByte, 1), (#"["a]"#, .endOfInput, 4), (#""\x""#, .invalidEscape, 2),
            (#""\u12G4""#, .invalidEscape, 5),
            (#""\u00"#, .endOfInput, 5), (#""\"#, .endOfInput, 2), (#""\ud800""#, .loneSurrogate, 7),
            (#""\udc00""#, .loneSurrogate, 1),
            (#""\ud800\u0041""#, .loneSurrogate, 7), (#""\ud800abcdefgh""#, .loneSurrogate, 7),
            ("\"a\u{1}\"", .controlCharacter, 2),
            ("\"\n\"", .controlCharacter, 1), ("\"tab\there\"", .controlCharacter, 4),
            ("[\"a\u{0}a\"]", .controlCharacter, 3),
            ("\u{C}1", .unexpectedByte, 0), ("\u{A0}1", .unexpectedByte, 0), ("[1\u{0}]", .unexpectedByte, 2),
        ] as [(String, WireError.Kind, Int)]
    )
    func `everything else is refused where it goes wrong`(_ input: String, _ kind: WireError.Kind, _ offset: Int) {
        guard let error = refusal(bytes(input), .json) else {
            Issue.record("accepted")
            return
        }
        #expect(error.kind == kind)
        #expect(error.offset == offset)
        #expect(throws: error) { try read(bytes(input), as: .json) }
    }

    @Test(arguments: [
        "ff", "80", "c0af", "e09f80", "eda080", "edbfbf", "f08f8080", "f4908080", "f8888080", "c3", "e282", "f09f98",
        "c328",
    ])
    func `a text that is not UTF-8 is refused at its first wrong byte`(_ wrong: String) {
        let message = bytes("[\"12345678é") + hex(wrong) + bytes("\"]")
        #expect(refusal(message, .json) == WireError(.invalidUTF8, expected: .utf8, at: 12))
    }

    @Test func `a whole number is exact or refused`() throws {
        func int(_ text: String) throws(WireError) -> Int64 {
            let input = buffer(bytes(text))
            var reader = JSONReader(input.bytes)
            return try reader.int64()
        }
        func uint(_ text: String) throws(WireError) -> UInt64 {
            let input = buffer(bytes(text))
            var reader = JSONReader(input.bytes)
            return try reader.uint64()
        }
        #expect(try int("-9223372036854775808") == .min)
        #expect(try int("9223372036854775807") == .max)
        #expect(try uint("18446744073709551615") == .max)
        #expect(try uint("-0") == 0)
        #expect(throws: WireError(.numberOutOfRange, expected: .integer, at: 0)) { try int("9223372036854775808") }
        #expect(throws: WireError(.numberOutOfRange, expected: .integer, at: 0)) { try int("-9223372036854775809") }
        #expect(throws: WireError(.numberOutOfRange, expected: .integer, at: 0)) { try uint("18446744073709551616") }
        #expect(throws: WireError(.numberOutOfRange, expected: .unsignedInteger, at: 0)) { try uint("-1") }
        #expect(throws: WireError(.wrongType, expected: .integer, at: 0)) { try int("1.0") }
        #expect(throws: WireError(.wrongType, expected: .integer, at: 0)) { try int("1e2") }
        #expect(throws: WireError(.wrongType, expected: .integer, at: 0)) { try int("12345678901234567890.5") }
        #expect(throws: WireError(.wrongType, expected: .integer, at: 0)) { try int("\"1\"") }
        #expect(throws: WireError(.malformedNumber, expected: .number, at: 1)) { try int("00") }
        #expect(throws: WireError(.unexpectedByte, expected: .integer, at: 0)) { try int("x") }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `doubles are read and written exactly as the standard library does it`(seed: UInt64) throws {
        var dice = Dice(seed: seed)
        for _ in 0..<4_000 {
            let value = dice.double()
            let json = try written(.double(value), as: .json)
            #expect(try read(json, as: .json) == .double(value))
            #expect(Double(text(json)) == value)
            #expect(json.count <= value.description.utf8.count)
            let digits = "\(dice.next() >> 3)\(dice.next())e-\(dice.next() % 60)"
            #expect(try read(bytes(digits), as: .json) == .double(Double(digits) ?? .nan))
        }
    }

    @Test func `a number of more bytes than the limit is refused`() {
        let digits = String(repeating: "1", count: WireLimits.numberBytesMax)
        #expect(refusal(bytes("0." + digits), .json) == WireError(.numberTooLong, expected: .shorterNumber, at: 0))
        #expect(refusal(bytes("0." + digits.dropFirst(2)), .json) == nil)
    }

    @Test func `bytes are base64 in a text and nothing else`() throws {
        func decoded(_ json: String) throws(WireError) -> [UInt8] {
            let input = buffer(bytes(json))
            var reader = JSONReader(input.bytes)
            return try reader.bytes().array()
        }
        for count in 0..<40 {
            let value = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 73 &+ 250) }
            let json = try written(.bytes(value), as: .json)
            #expect(try decoded(text(json)) == value)
        }
        #expect(try decoded(#""_-8""#) == [0xFF, 0xEF])
        #expect(try decoded(#""\/+8=""#) == [0xFF, 0xEF])
        for wrong in [
            "A", "A=", "A===", "AA=", "AAA==", "AB==", "AAB=", "A A=", "=AAA", "AA=A", "AAAA=", "AAAA====", "Ä",
        ] {
            #expect(throws: WireError(.invalidBase64, expected: .base64, at: 0)) { try decoded("\"\(wrong)\"") }
        }
    }

    @Test func `a text is compared and counted without a String, escapes or not`() throws {
        let input = buffer(bytes(#"["plain","\u0070lain","pl\u00e4in"]"#))
        var reader = JSONReader(input.bytes)
        var scope = try reader.beginArray()
        #expect(try reader.nextElement(in: &scope))
        let plain = try reader.text()
        #expect(plain.isPlain && plain.equals("plain") && !plain.equals("plaim") && plain.byteCount == 5)
        #expect(try reader.nextElement(in: &scope))
        let escaped = try reader.text()
        #expect(!escaped.isPlain && escaped.equals("plain") && !escaped.equals("plai") && escaped.byteCount == 5)
        #expect(try reader.nextElement(in: &scope))
        let umlaut = try reader.text()
        #expect(umlaut.byteCount == 6 && umlaut.string() == "pläin" && !umlaut.equals("plain"))
        try reader.endArray(&scope)
        try reader.finish()
    }
}
