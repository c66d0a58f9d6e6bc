import Base
import Testing
import Wire

@testable import Contracts

@Suite("Canonical form") struct CanonicalTests {
    @Test func `one value has one form, whatever format it came in`() throws {
        let value = try everything()
        let form = try whole.canonical(value)
        #expect(try whole.values(canonical: form) == value)
        for format in WireFormat.allCases {
            #expect(try whole.canonical(whole.values(whole.bytes(value, format), format)) == form)
        }
    }

    @Test func `every byte string that is read is the form of what was read`() throws {
        let form = try whole.canonical(everything())
        for place in form.indices {
            for byte in UInt8.min...UInt8.max where byte != form[place] {
                var other = form
                other[place] = byte
                guard let value = try? whole.values(canonical: other) else { continue }
                #expect(try whole.canonical(value) == other)
            }
        }
    }

    @Test func `every proper prefix and every longer form is refused`() throws {
        let form = try whole.canonical(everything())
        for count in 0..<form.count {
            #expect(throws: Fault.self) { _ = try whole.values(canonical: Array(form[..<count])) }
        }
        #expect(throws: Fault.self) { _ = try whole.values(canonical: form + [0]) }
    }

    @Test func `longer spellings of the same are refused`() {
        let int = SlotList(Field.int("a"))
        let any = SlotList(Field.anyNumber("a"))
        let map = SlotList(Field.map("a", 0...3, of: .bool("b")))
        let optional = SlotList(Field.optional(.bool("a")))
        #expect(throws: Fault.self) { _ = try int.values(canonical: [0x80, 0]) }
        #expect(throws: Fault.self) { _ = try any.values(canonical: [1, 0, 0, 0, 0, 0, 0xF8, 0x7F]) }
        #expect(throws: Fault.self) { _ = try map.values(canonical: [2, 1, 0x62, 1, 1, 0x61, 1]) }
        #expect(throws: Fault.self) { _ = try map.values(canonical: [2, 1, 0x61, 1, 1, 0x61, 1]) }
        #expect(throws: Fault.self) { _ = try optional.values(canonical: [2]) }
    }

    @Test func `the form is fields in order, without names`() throws {
        let list = SlotList(Field.int("a"), .string("b", 0...9), .optional(.bool("c")), .number("d"))
        #expect(try list.canonical((-2, "hi", nil, 1)) == [3, 2, 0x68, 0x69, 0, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F])
    }
}
