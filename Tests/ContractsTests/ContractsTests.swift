import Testing

@testable import Contracts

@Suite("Contracts") struct ContractsTests {
}
