import Testing

@testable import Reactor

@Suite("PROXY protocol") struct ProxyProtocolTests {
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]
    private static let v4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0, 80]
    private static let v6: [UInt8] =
        [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
        + [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [2] + [0, 1, 0, 2]
    private static let paths: [UInt8] =
        Array("/a".utf8) + [UInt8](repeating: 0, count: 106) + [UInt8](repeating: 0x62, count: 108)

    private static func header(_ command: UInt8, _ family: UInt8, _ payload: [UInt8], announced: Int? = nil) -> [UInt8]
    {
        let length = announced ?? payload.count
        return signature + [command, family, UInt8(length >> 8), UInt8(length & 255)] + payload
    }

    private func parse(_ bytes: some Sequence<UInt8>, lengthMax: Int = 1_024) -> ProxyProtocol.Outcome {
        // A heap copy of just these bytes, so that the address sanitizer sees a read behind them.
        Array(bytes).withUnsafeBytes { ProxyProtocol.parse($0, lengthMax: lengthMax) }
    }

    /// The verdict on the whole, after checking every split: no early verdict, or the same one.
    private func parseEverySplit(_ bytes: [UInt8], lengthMax: Int = 1_024) -> ProxyProtocol.Outcome {
        let whole = parse(bytes, lengthMax: lengthMax)
        var decided = false
        for end in 0...bytes.count {
            let verdict = parse(bytes.prefix(end), lengthMax: lengthMax)
            if decided || verdict != .needMore { #expect(verdict == whole, "after \(end) bytes") }
            decided = decided || verdict != .needMore
        }
        return whole
    }

    @Test func `a header of IPv4 names both ends`() throws {
        #expect(
            parseEverySplit(Self.header(0x21, 0x11, Self.v4) + [0x47, 0x45, 0x54])
                == .header(
                    .init(
                        source: try SocketAddress("192.0.2.1:4660"),
                        destination: try SocketAddress("198.51.100.2:80"),
                        length: 28
                    )
                )
        )
    }

    @Test func `a header of IPv6 names both ends`() throws {
        #expect(
            parseEverySplit(Self.header(0x21, 0x21, Self.v6))
                == .header(
                    .init(
                        source: try SocketAddress("[2001:db8::1]:1"),
                        destination: try SocketAddress("[2001:db8::2]:2"),
                        length: 52
                    )
                )
        )
    }

    @Test func `IPv4 inside IPv6 is IPv4`() throws {
        let mapped: [UInt8] = [UInt8](repeating: 0, count: 10) + [255, 255, 10, 0, 0, 1]
        guard case .header(let header) = parseEverySplit(Self.header(0x21, 0x21, mapped + mapped + [0, 1, 0, 2])) else {
            Issue.record("no header")
            return
        }
        #expect(header.source == (try SocketAddress("10.0.0.1:1")))
    }

    @Test func `a header of Unix sockets names both paths, to their last byte`() {
        #expect(
            parseEverySplit(Self.header(0x21, 0x31, Self.paths))
                == .header(
                    .init(
                        source: .unix(path: "/a"),
                        destination: .unix(path: String(repeating: "b", count: 108)),
                        length: 232
                    )
                )
        )
    }

    @Test(arguments: [0x00, 0x11, 0x12, 0x21, 0xFF] as [UInt8])
    func `a proxy that speaks for itself names nobody`(family: UInt8) {
        let nobody = ProxyProtocol.Header(source: nil, destination: nil, length: 16)
        #expect(parseEverySplit(Self.header(0x20, family, [])) == .header(nobody))
        let padded = ProxyProtocol.Header(source: nil, destination: nil, length: 28)
        #expect(parseEverySplit(Self.header(0x20, family, Self.v4)) == .header(padded))
    }

    @Test func `a proxy that does not say whom it speaks for names nobody`() {
        let header = ProxyProtocol.Header(source: nil, destination: nil, length: 21)
        #expect(parseEverySplit(Self.header(0x21, 0x00, [1, 2, 3, 4, 5])) == .header(header))
    }

    @Test func `extensions are skipped and counted`() {
        let extended = Self.header(0x21, 0x11, Self.v4 + [0x04, 0, 3, 0, 0, 0] + [0x20, 0xFF])
        guard case .header(let header) = parseEverySplit(extended + [1, 2, 3]) else {
            Issue.record("no header")
            return
        }
        #expect(header.length == extended.count)
    }

    @Test func `a header may be as long as the limit and no longer`() {
        let padding = [UInt8](repeating: 0, count: 1_024 - 28)
        let longest = Self.header(0x21, 0x11, Self.v4 + padding)
        guard case .header(let header) = parse(longest) else {
            Issue.record("no header")
            return
        }
        #expect(header.length == 1_024)
        #expect(parse(Self.header(0x21, 0x11, Self.v4 + padding + [0]).prefix(16)) == .refused(.tooLong))
        #expect(parse(Self.header(0x21, 0x11, [], announced: 65_535)) == .refused(.tooLong))
        #expect(parse(Self.header(0x21, 0x11, Self.v4), lengthMax: 27) == .refused(.tooLong))
    }

    @Test(
        arguments: [
            (Array("PROXY TCP4 192.0.2.1 198.51.100.2 4660 80\r\n".utf8), .signature),
            (Array("GET / HTTP/1.1\r\n".utf8), .signature), (Array("\r\n\r\nGET".utf8), .signature),
            (header(0x11, 0x11, v4), .version), (header(0x22, 0x11, v4), .version), (header(0x31, 0x11, v4), .version),
            (header(0x21, 0x12, v4), .family), (header(0x21, 0x22, v6), .family), (header(0x21, 0x32, paths), .family),
            (header(0x21, 0x10, v4), .family), (header(0x21, 0x01, v4), .family), (header(0x21, 0x41, v6), .family),
            (header(0x21, 0x11, v4.dropLast()), .tooShort), (header(0x21, 0x21, v4), .tooShort),
            (header(0x21, 0x31, paths.dropLast()), .tooShort), (header(0x21, 0x11, []), .tooShort),
        ] as [([UInt8], ProxyProtocol.Refusal)]
    )
    func `what is not a header of version 2 is refused`(bytes: [UInt8], reason: ProxyProtocol.Refusal) {
        #expect(parseEverySplit(bytes) == .refused(reason))
    }

    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func `mangled headers are judged the same in every split`(seed: UInt64) {
        var random = SeededBits(seed)
        let samples = [
            Self.header(0x21, 0x11, Self.v4), Self.header(0x21, 0x21, Self.v6), Self.header(0x20, 0, [1, 2, 3]),
        ]
        for _ in 0..<20 {
            var bytes = samples[random.below(samples.count)]
            for _ in 0..<1 + random.below(3) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            _ = parseEverySplit(bytes, lengthMax: random.below(128))
        }
    }
}
