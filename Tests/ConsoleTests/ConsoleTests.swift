import Testing

@testable import Console

@Suite("Console") struct ConsoleTests {
}
