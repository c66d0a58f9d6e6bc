import Contracts
import Testing

struct ShortNameTests {
    @Test(arguments: 1...31)
    func `a name is refused for any byte in any place that no name may have`(count: Int) throws {
        let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.".utf8)
        for place in 0..<count {
            for byte in UInt8.min...UInt8.max {
                var text = Array("Player-of.31_characters,no_more".utf8.prefix(count)).map { $0 == 0x2C ? 0x2D : $0 }
                text[place] = byte
                let name = ShortName(text.span.bytes)
                #expect((name != nil) == allowed.contains(byte), "byte \(byte) at \(place) of \(count)")
                if let name { #expect(Array(name.description.utf8) == text) }
            }
        }
    }

    @Test func `an empty name is none, and neither is one of 32 characters`() {
        let long = [UInt8](repeating: 0x61, count: 32)
        #expect(ShortName([UInt8]().span.bytes) == nil)
        #expect(ShortName(long.span.bytes) == nil)
    }
}
