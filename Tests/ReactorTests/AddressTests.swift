import Glibc
import Testing

@testable import Reactor

@Suite("Addresses") struct AddressTests {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::1", "2001:db8::1"),
        ("2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("1:0:0:2::3", "1:0:0:2::3"),
        ("0:0:1::", "0:0:1::"), ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:201", "192.0.2.1"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ("0000:0000:0000:0000:0000:ffff:255.255.255.255", "255.255.255.255"),
    ])
    func `an address has one text`(written: String, text: String) throws {
        let address = try #require(IPAddress(written))
        #expect(address.description == text)
        #expect(IPAddress(text) == address)
    }

    @Test(arguments: [
        "", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "1.2.3.4 ", " 1.2.3.4", "1..3.4", "1.2.3.",
        ".1.2.3",
        "0x7f.0.0.1", "127.1", "2130706433", "1.2.3.4\0", "1.2.3.-4", "1.2.3.4444", "１.2.3.4", ":", ":::", "::1::",
        "1:",
        ":1", "1:2", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "1:2:3:4::5:6:7:8", "12345::", "g::",
        "::1%eth0", "[::1]", "::1.2.3.4.5", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.400", "::-1",
        "localhost", "example.org",
    ])
    func `what is not quite an address is none`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func `a megabyte in place of an address is refused`() {
        #expect(IPAddress(String(repeating: ":", count: 1 << 20)) == nil)
        #expect(IPAddress(String(repeating: "0", count: 1 << 20)) == nil)
    }

    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func `the system's reader agrees with ours on mangled addresses`(seed: UInt64) {
        var random = SeededBits(seed)
        let letters = Array("0123456789abcdefF:::...%[]x ".unicodeScalars)
        let samples = ["192.168.10.1", "2001:db8::1:2", "::ffff:1.2.3.4", "1:2:3:4:5:6:7:8", "fe80::"]
        for _ in 0..<400 {
            var text = Array(samples[random.below(samples.count)].unicodeScalars)
            for _ in 0..<random.below(4) {
                let letter = letters[random.below(letters.count)]
                switch random.below(3) {
                case 0: text.insert(letter, at: random.below(text.count + 1))
                case 1: if !text.isEmpty { text.remove(at: random.below(text.count)) }
                default: if !text.isEmpty { text[random.below(text.count)] = letter }
                }
            }
            var unicode = String.UnicodeScalarView()
            unicode.append(contentsOf: text)
            let written = String(unicode)
            #expect(IPAddress(written) == systemReading(of: written), "\(written)")
        }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `every address is read back from its text`(seed: UInt64) {
        var random = SeededBits(seed)
        for _ in 0..<200 {
            // Half of the groups are zero, so that runs of every length occur.
            let groups = (0..<8).map { _ in
                random.below(2) == 0 ? 0 : random.next() & 0xFFFF >> UInt64(random.below(16))
            }
            let high = groups[..<4].reduce(0) { $0 << 16 | $1 }
            let low = groups[4...].reduce(0) { $0 << 16 | $1 }
            for address in [IPAddress(v6: high, low), IPAddress(v4: UInt32(truncatingIfNeeded: low))] {
                #expect(IPAddress(address.description) == address)
                #expect(systemReading(of: address.description) == address)
            }
        }
    }

    @Test(arguments: [
        ("127.0.0.1:8080", "127.0.0.1:8080"), ("[::1]:443", "[::1]:443"), (":80", "0.0.0.0:80"),
        ("[::]:0", "[::]:0"), ("0.0.0.0:65535", "0.0.0.0:65535"), ("unix:/run/game.sock", "unix:/run/game.sock"),
        ("unix:relative:80", "unix:relative:80"), ("[::ffff:10.0.0.1]:5", "10.0.0.1:5"),
        ("1.2.3.4:00080", "1.2.3.4:80"),
    ])
    func `a socket's address is read and written`(written: String, text: String) throws {
        let address = try SocketAddress(written)
        #expect(address.description == text)
        #expect(try SocketAddress(text) == address)
    }

    @Test(
        arguments: [
            ("localhost:8080", .noAddress), ("::1:443", .noAddress), ("[127.0.0.1]:1", .noAddress),
            ("[]:1", .noAddress),
            ("[::1:1", .noAddress), ("[:1", .noAddress), ("1.2.3.4", .noPort), ("1.2.3.4:", .noPort),
            ("1.2.3.4:65536", .noPort),
            ("1.2.3.4:-1", .noPort), ("1.2.3.4:+1", .noPort), ("1.2.3.4:000001", .noPort), ("", .noPort),
            ("[::1]", .noPort),
            ("unix:", .path), ("unix:a\0b", .path), ("unix:" + String(repeating: "é", count: 54), .path),
        ] as [(String, SocketAddress.Malformed)]
    )
    func `what is wrong with a socket's address is said`(text: String, reason: SocketAddress.Malformed) {
        #expect(throws: reason) { try SocketAddress(text) }
    }

    @Test(arguments: [
        "127.0.0.1:8080", "[2001:db8::1]:443", "unix:/run/game.sock", "unix:" + String(repeating: "x", count: 107),
    ])
    func `the kernel's form is read back`(text: String) throws {
        let address = try SocketAddress(text)
        #expect(roundTrip(address) == address)
    }

    @Test(arguments: [
        "", "a\0b", "\0abstract", String(repeating: "x", count: 108), String(repeating: "x", count: 5_000),
    ])
    func `a path that cannot be written is refused by the kernel and never becomes another path`(path: String) {
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        let outcome = SocketAddress.unix(path: path).withSockaddr { bind(socket, $0, $1) == 0 ? 0 : errno }
        #expect(outcome == EINVAL)
    }

    @Test func `a form cut short by the kernel is no address`() throws {
        for text in ["127.0.0.1:1", "[::1]:1", "unix:/x"] {
            try SocketAddress(text).withSockaddr { pointer, length in
                var storage = sockaddr_storage()
                withUnsafeMutableBytes(of: &storage) {
                    $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: Int(length)))
                }
                let shortest: socklen_t = text.hasPrefix("unix") ? 3 : length
                for cut in 0..<shortest { #expect(SocketAddress(storage, length: cut) == nil) }
            }
        }
        #expect(SocketAddress(sockaddr_storage(), length: 128) == nil)
    }

    private func roundTrip(_ address: SocketAddress) -> SocketAddress? {
        address.withSockaddr { pointer, length in
            var storage = sockaddr_storage()
            withUnsafeMutableBytes(of: &storage) {
                $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: Int(length)))
            }
            return SocketAddress(storage, length: length)
        }
    }

    private func systemReading(of text: String) -> IPAddress? {
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, text, &v4) == 1 { return IPAddress(v4: UInt32(bigEndian: v4.s_addr)) }
        return inet_pton(AF_INET6, text, &v6) == 1 ? IPAddress(v6) : nil
    }
}

@Suite("Address ranges") struct AddressRangeTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.1.2.3/8", "10.0.0.0", true),
        ("0.0.0.0/0", "255.1.2.3", true), ("0.0.0.0/0", "::1", false), ("::/0", "::1", true),
        ("::/0", "1.2.3.4", false),
        ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.6", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::", false), ("2001:db8::/65", "2001:db8::7fff:ffff:ffff:ffff", true),
        ("2001:db8::/65", "2001:db8::8000:0:0:0", false), ("::1/128", "::1", true), ("::1/128", "::2", false),
        ("::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true), ("::ffff:10.0.0.0/104", "10.9.9.9", true),
        ("10.0.0.0/8", "::ffff:10.0.0.1", true), ("255.255.255.255/32", "255.255.255.255", true),
    ])
    func `a range holds what begins with its bits`(range: String, address: String, isHeld: Bool) throws {
        let range = try #require(AddressRange(range))
        let address = try #require(IPAddress(address))
        #expect(range.contains(address) == isHeld)
        #expect(AddressRanges([range]).contains(address) == isHeld)
        #expect(AddressRange(range.description) == range)
    }

    @Test(arguments: [
        "", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/+1", "10.0.0.0/8/8",
        "::ffff:1.2.3.4/95", "10/8", "10.0.0.0/0000", "host/8",
    ])
    func `what is not quite a range is none`(text: String) {
        #expect(AddressRange(text) == nil)
    }

    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func `a list holds what one of its ranges holds`(seed: UInt64) throws {
        var random = SeededBits(seed)
        // Few bits differ, so that ranges lie within each other and addresses hit their ends.
        func address() -> IPAddress {
            let bits = random.next() & 0xC000_0003_8000_0081
            return random.below(2) == 0
                ? IPAddress(v4: UInt32(truncatingIfNeeded: bits))
                : IPAddress(v6: bits, random.next() & 0x8000_0000_0000_0003)
        }
        var ranges: [AddressRange] = []
        for _ in 0..<random.below(12) {
            let first = address()
            ranges.append(try #require(AddressRange("\(first)/\(random.below(first.bitCount + 1))")))
        }
        let list = AddressRanges(ranges)
        for _ in 0..<300 {
            let peer = address()
            #expect(list.contains(.ip(peer, port: 1)) == ranges.contains { $0.contains(peer) })
        }
    }

    @Test func `a peer on a Unix socket belongs where the list says so`() {
        #expect(!AddressRanges().contains(.unix(path: "")))
        #expect(AddressRanges(includesUnix: true).contains(.unix(path: "")))
        #expect(!AddressRanges(includesUnix: true).contains(.ip(.loopback, port: 1)))
    }
}

/// SplitMix64, so that a seed is all there is to know about a run.
struct SeededBits {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
