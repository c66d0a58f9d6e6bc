import Testing

@testable import Gateway

@Suite("Gateway") struct GatewayTests {
}
