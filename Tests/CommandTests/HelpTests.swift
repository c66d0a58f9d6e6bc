import Testing

@testable import Command

@Suite struct HelpTests {
    @Test(arguments: [
        "run", "config", "conformance", "transcode", "token", "docs", "audit", "bench", "store", "migrate", "version",
    ])
    func `each command has a help of its own, and a place in the help of all`(name: String) {
        #expect(Help.text(of: name).contains("gamekeeper \(name)"))
        #expect(Help.text(of: nil).contains("gamekeeper \(name)"))
        #expect(Help.text(of: name) != Help.text(of: nil))
    }

    @Test func `who asks for the help of something else gets all of it`() {
        #expect(Help.text(of: "nonsense") == Help.text(of: nil))
    }
}
