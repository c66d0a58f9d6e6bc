import Testing
import Wire

/// The examples of RFC 8949, Appendix A, and of its predecessor where they differ: bytes, and the same value as JSON or
/// why it has none.
private let examples: [(cbor: String, json: String)] = [
    ("00", "0"),
    ("01", "1"),
    ("0a", "10"),
    ("17", "23"),
    ("1818", "24"),
    ("1819", "25"),
    ("1864", "100"),
    ("1903e8", "1000"),
    ("1a000f4240", "1000000"),
    ("1b000000e8d4a51000", "1000000000000"),
    ("1bffffffffffffffff", "18446744073709551615"),
    ("c249010000000000000000", "18446744073709551616"),
    ("3bffffffffffffffff", "-18446744073709551616"),
    ("c349010000000000000000", "-18446744073709551617"),
    ("20", "-1"),
    ("29", "-10"),
    ("3863", "-100"),
    ("3903e7", "-1000"),
    ("f90000", "0.0"),
    ("f98000", "-0.0"),
    ("f93c00", "1.0"),
    ("fb3ff199999999999a", "1.1"),
    ("f93e00", "1.5"),
    ("f97bff", "65504.0"),
    ("fa47c35000", "100000.0"),
    ("fa7f7fffff", "3.4028234663852886e+38"),
    ("fb7e37e43c8800759c", "1e+300"),
    ("f90001", "5.960464477539063e-08"),
    ("f90400", "6.103515625e-05"),
    ("f9c400", "-4.0"),
    ("fbc010666666666666", "-4.1"),
    ("f97c00", "!noCounterpart"),
    ("f97e00", "!noCounterpart"),
    ("f9fc00", "!noCounterpart"),
    ("fa7f800000", "!noCounterpart"),
    ("fa7fc00000", "!noCounterpart"),
    ("faff800000", "!noCounterpart"),
    ("fb7ff0000000000000", "!noCounterpart"),
    ("fb7ff8000000000000", "!noCounterpart"),
    ("fbfff0000000000000", "!noCounterpart"),
    ("f4", "false"),
    ("f5", "true"),
    ("f6", "null"),
    ("f7", "null"),
    ("f0", "!noCounterpart"),
    ("f818", "!reserved"),
    ("f8ff", "!noCounterpart"),
    ("c074323031332d30332d32315432303a30343a30305a", #""2013-03-21T20:04:00Z""#),
    ("c11a514b67b0", "1363896240"),
    ("c1fb41d452d9ec200000", "1363896240.5"),
    ("d74401020304", #""AQIDBA==""#),
    ("d818456449455446", #""ZElFVEY=""#),
    ("d82076687474703a2f2f7777772e6578616d706c652e636f6d", #""http://www.example.com""#),
    ("40", #""""#),
    ("4401020304", #""AQIDBA==""#),
    ("60", #""""#),
    ("6161", #""a""#),
    ("6449455446", #""IETF""#),
    ("62225c", #""\"\\""#),
    ("62c3bc", #""ü""#),
    ("63e6b0b4", #""水""#),
    ("64f0908591", #""𐅑""#),
    ("80", "[]"),
    ("83010203", "[1,2,3]"),
    ("8301820203820405", "[1,[2,3],[4,5]]"),
    (
        "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
        "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]"
    ),
    ("a0", "{}"),
    ("a201020304", "!keyNotText"),
    ("a26161016162820203", #"{"a":1,"b":[2,3]}"#),
    ("826161a161626163", #"["a",{"b":"c"}]"#),
    ("a56161614161626142616361436164614461656145", #"{"a":"A","b":"B","c":"C","d":"D","e":"E"}"#),
    ("5f42010243030405ff", #""AQIDBAU=""#),
    ("7f657374726561646d696e67ff", #""streaming""#),
    ("9fff", "[]"),
    ("9f018202039f0405ffff", "[1,[2,3],[4,5]]"),
    ("9f01820203820405ff", "[1,[2,3],[4,5]]"),
    ("83018202039f0405ff", "[1,[2,3],[4,5]]"),
    ("83019f0203ff820405", "[1,[2,3],[4,5]]"),
    (
        "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
        "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]"
    ),
    ("bf61610161629f0203ffff", #"{"a":1,"b":[2,3]}"#),
    ("826161bf61626163ff", #"["a",{"b":"c"}]"#),
    ("bf6346756ef563416d7421ff", #"{"Fun":true,"Amt":-2}"#),
]

@Suite("CBOR, the examples of the RFC") struct CBORExampleTests {
    @Test(arguments: examples)
    func `each example is the value that the RFC says`(_ cbor: String, _ json: String) {
        do {
            #expect(try text(transcoded(hex(cbor), .cbor, .json)) == json)
        } catch {
            #expect("!\(error.kind)" == json)
            #expect(error.offset <= cbor.count / 2)
        }
    }

    @Test(arguments: examples)
    func `each example in its preferred form is written as it was read`(_ cbor: String, _ json: String) throws {
        guard json != "!reserved" else { return }
        let again = try transcoded(hex(cbor), .cbor, .cbor)
        if preferred(cbor) { #expect(hex(again) == cbor) }
        #expect(try transcoded(again, .cbor, .cbor) == again)
    }

    /// Not those with indefinite lengths, and not the wider spellings of NaN and infinity.
    private func preferred(_ cbor: String) -> Bool {
        let indefinite = ["5f", "7f", "9f", "bf", "826161bf", "83018202039f", "83019f"].contains { cbor.hasPrefix($0) }
        return !indefinite && !["fa7f80", "fa7fc0", "faff80", "fb7ff", "fbfff"].contains { cbor.hasPrefix($0) }
    }

    @Test func `all examples are here`() { #expect(examples.count == 82) }

    @Test(arguments: examples) func `no part of an example is a message`(_ cbor: String, _ json: String) {
        let message = hex(cbor)
        for count in 0..<message.count { #expect(refusal(Array(message[..<count]), .cbor) != nil) }
    }
}
