import Testing

@testable import Base

/// The cases of the W3C's trace-context test suite, for what a service reads and hands on. Their names are the suite's.
@Suite("Trace context cases") struct TraceContextCasesTests {
    private static let trace = "12345678901234567890123456789012"
    private static let parent = "\(trace)-1234567890123456-01"

    private func origin(_ parents: [String], _ states: [String] = []) -> TraceOrigin {
        TraceOrigin(parents: parents, states: states)
    }

    @Test(
        arguments: [
            // both_tracestate_and_traceparent_missing, traceparent_included_tracestate_missing
            ([], false), (["00-\(parent)"], true),
            // traceparent_duplicated
            (["00-12345678901234567890123456789011-1234567890123456-01", "00-\(parent)"], false),
            // version_0x00, version_0xcc, version_0xff
            (["00-\(parent)."], false), (["00-\(parent)-what-the-future-will-be-like"], false),
            (["cc-\(parent)"], true),
            (["cc-\(parent)-what-the-future-will-be-like"], true),
            (["cc-\(parent).what-the-future-will-not-be-like"], false),
            (["ff-\(parent)"], false),
            // version_illegal_characters, version_too_long, version_too_short
            ([".0-\(parent)"], false), (["0.-\(parent)"], false), (["000-\(parent)"], false),
            (["0000-\(parent)"], false),
            (["0-\(parent)"], false),
            // trace_id_all_zero, _illegal_characters, _too_long, _too_short
            (["00-00000000000000000000000000000000-1234567890123456-01"], false),
            (["00-.2345678901234567890123456789012-1234567890123456-01"], false),
            (["00-1234567890123456789012345678901.-1234567890123456-01"], false),
            (["00-123456789012345678901234567890123-1234567890123456-01"], false),
            (["00-1234567890123456789012345678901-1234567890123456-01"], false),
            // parent_id_all_zero, _illegal_characters, _too_long, _too_short
            (["00-\(trace)-0000000000000000-01"], false), (["00-\(trace)-.234567890123456-01"], false),
            (["00-\(trace)-123456789012345.-01"], false), (["00-\(trace)-12345678901234567-01"], false),
            (["00-\(trace)-123456789012345-01"], false),
            // trace_flags_illegal_characters, _too_long, _too_short
            (["00-\(trace)-1234567890123456-.0"], false), (["00-\(trace)-1234567890123456-0."], false),
            (["00-\(trace)-1234567890123456-001"], false), (["00-\(trace)-1234567890123456-1"], false),
            // upper case
            (["00-1234567890123456789012345678901A-1234567890123456-01"], false),
        ] as [([String], Bool)]
    )
    func `a parent is followed or a new trace begins`(parents: [String], isFollowed: Bool) {
        let origin = origin(parents, ["foo=1"])
        #expect((origin.caller != nil) == isFollowed)
        // test_traceparent_invalid: the state goes with its parent.
        #expect((origin.state != nil) == isFollowed)
        var entropy = SeededEntropy(seed: 7)
        let span = Tracer(share: 1, sink: { _ in })
            .begin("x", caller: origin.caller, at: MonotonicTime(nanoseconds: 0), entropy: &entropy)
        let sent = span.context.traceparent
        #expect(sent.contains(Self.trace) == isFollowed && !sent.contains("-1234567890123456-"))
        #expect(TraceOrigin(parents: [sent], states: []).caller != nil)
    }

    @Test(
        arguments: [
            // tracestate_included_traceparent_included, _header_name, _empty_header, _multiple_headers_different_keys
            (["foo=1,bar=2"], "foo=1,bar=2"), (["foo=1", ""], "foo=1"), (["", "foo=1"], "foo=1"), ([""], nil),
            ([], nil),
            (["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], "foo=1,bar=2,rojo=1,congo=2,baz=3"),
            // _duplicated_keys
            (["foo=1,foo=1"], "foo=1"), (["foo=1,foo=2"], "foo=1"), (["foo=1", "foo=2,bar=3"], "foo=1,bar=3"),
            // _all_allowed_characters
            (["abcdefghijklmnopqrstuvwxyz0123456789_-*/=1"], "abcdefghijklmnopqrstuvwxyz0123456789_-*/=1"),
            (["foo= !\"#$%&'()*+-./0:;<>?@AZ[\\]^_`az{|}~"], "foo= !\"#$%&'()*+-./0:;<>?@AZ[\\]^_`az{|}~"),
            // _ows_handling
            (["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"),
            ([" foo=1", "\tbar=2", " baz=3\t"], "foo=1,bar=2,baz=3"),
            // _key_illegal_characters, _key_illegal_vendor_format
            (["foo =1"], nil), (["FOO=1"], nil), (["foo.bar=1"], nil), (["@foo=1,bar=2"], nil), (["_foo=1"], nil),
            (["foo@=1,bar=2"], "foo@=1,bar=2"), (["foo@@bar=1"], "foo@@bar=1"), (["foo@bar@baz=1"], "foo@bar@baz=1"),
            (["1tenant@vendor=1"], "1tenant@vendor=1"), (["1foo=1"], "1foo=1"),
            // _value_illegal_characters
            (["foo=bar=baz"], nil), (["foo=,bar=3"], nil), (["foo=é"], nil), (["foo"], nil), (["=1"], nil),
        ] as [([String], String?)]
    )
    func `a state is handed on as it came, or dropped whole`(states: [String], handedOn: String?) {
        #expect(origin(["00-\(Self.parent)"], states).state?.text == handedOn)
    }

    @Test func `a list has 32 members, a key 256 characters and a value 256`() {
        func handedOn(_ text: String) -> Bool { TraceState([text]) != nil }
        let members = (1...33).map { "k\($0)=1" }
        #expect(handedOn(members.prefix(32).joined(separator: ",")) && !handedOn(members.joined(separator: ",")))
        #expect(TraceState(members.prefix(32).map { $0 }) != nil && TraceState(members) == nil)
        func text(_ count: Int) -> String { String(repeating: "z", count: count) }
        #expect(handedOn("\(text(256))=1") && !handedOn("\(text(257))=1"))
        #expect(handedOn("\(text(242))@v=1") && handedOn("t@\(text(15))=1"))
        #expect(handedOn("a=\(text(256))") && !handedOn("a=\(text(257))"))
    }

    @Test func `a state over 512 bytes loses its long members first and then those at its end`() {
        func member(_ name: String, _ count: Int) -> String { "\(name)=" + String(repeating: "x", count: count) }
        let fits = (0..<5).map { member("k\($0)", 97) }
        #expect(TraceState([fits.joined(separator: ",")])?.text.utf8.count == 504)
        let long = [member("long", 200)] + fits
        #expect(TraceState([long.joined(separator: ",")])?.text == fits.joined(separator: ","))
        let many = (0..<8).map { member("k\($0)", 97) }
        #expect(TraceState([many.joined(separator: ",")])?.text == many.prefix(5).joined(separator: ","))
        #expect(TraceState([String(repeating: "a", count: 20_000)]) == nil)
    }

    @Test func `every cut of a state is read or dropped, and never traps`() {
        let text = "foo=1 ,\t1tenant@vendor=a b,bar= !~"
        for end in text.indices { _ = TraceState([String(text[..<end])]) }
    }

    @Test func `known flags are handed on, and unknown ones are not`() {
        let context = origin(["00-\(Self.trace)-1234567890123456-ff"]).caller
        #expect(context?.flags == [.sampled, .random])
        #expect(context?.traceparent.hasSuffix("-03") == true)
        var entropy = SeededEntropy(seed: 1)
        let own = Tracer.off.begin("x", at: MonotonicTime(nanoseconds: 0), entropy: &entropy)
        #expect(own.context.flags == [.random])
    }
}
