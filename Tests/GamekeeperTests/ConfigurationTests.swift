import Base
import Gamekeeper
import Reactor
import Testing

@Suite struct ConfigurationTests {
    @Test func `options replace the defaults and nothing else`() throws {
        let configuration = try Configuration(arguments: [
            "--listen", "[::1]:80", "--loops", "2", "--proxy", "10.0.0.0/8",
        ])
        #expect(configuration.addresses == [try SocketAddress("[::1]:80")])
        #expect(configuration.loops == 2)
        #expect(configuration.proxies.contains(try SocketAddress("10.1.2.3:4")))
        #expect(configuration.tls == nil)
    }

    @Test(arguments: [
        (["--nothing"], Configuration.Refusal.unknownOption("--nothing")),
        (["--listen"], .missingValue("--listen")),
        (["--loops", "0"], .malformedValue(option: "--loops", value: "0")),
        (["--listen", "here"], .malformedValue(option: "--listen", value: "here")),
    ]) func `what can't be understood is named`(arguments: [String], refusal: Configuration.Refusal) {
        #expect(throws: refusal) { try Configuration(arguments: arguments) }
    }
}
