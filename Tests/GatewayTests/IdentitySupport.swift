import Base
import Contracts
import Crypto
import Testing

@testable import Gateway

/// Secure in name only: what a test needs to repeat itself.
struct ScriptedEntropy: SecureEntropySource, Sendable {
    private var source: SeededEntropy
    init(seed: UInt64) { source = SeededEntropy(seed: seed) }
    mutating func next() -> UInt64 { source.next() }
}

/// A service whose clock the test moves.
struct IdentityStage: ~Copyable {
    let store: any AccountStore
    let service: IdentityService
    let limits: Limits.Identity
    var now = WallTime(nanoseconds: 1_800_000_000 * 1_000_000_000)

    init(
        limits: Limits.Identity = Limits.Identity(),
        seed: UInt64 = 7,
        vault: KeyVault? = nil,
        store: (any AccountStore)? = nil
    ) {
        let entropy = SharedEntropy(ScriptedEntropy(seed: seed))
        self.limits = limits
        self.store = store ?? MemoryAccountStore(limits: limits)
        service = IdentityService(
            store: self.store,
            vault: vault ?? KeyVault(developmentAt: now, limits: limits, entropy: entropy),
            loops: 2,
            limits: limits,
            entropy: entropy
        )
    }

    mutating func wait(_ time: Duration) { now = now.adding(time) }

    func guest(_ name: String = "ada") async throws -> Login {
        try await service.guest(secret: "device secret of \(name)", at: now)
    }

    func verify(_ text: String, loop: Int = 0) throws(IdentityRefusal) -> Identity {
        let bytes = Array(text.utf8)
        return try service.verify(access: bytes.span.bytes, loop: loop, at: now)
    }

    /// What a token is refused with; `nil` when it is not.
    func refusal(_ text: String, loop: Int = 0) -> IdentityRefusal? {
        do throws(IdentityRefusal) {
            _ = try verify(text, loop: loop)
            return nil
        } catch {
            return error
        }
    }

    func refresh(_ text: String) async throws -> Login {
        try await service.refresh(token: text, at: now)
    }

    func redeem(_ text: String) throws(IdentityRefusal) -> Identity {
        let bytes = Array(text.utf8)
        return try service.redeem(ticket: bytes.span.bytes, at: now)
    }
}

/// Collects what the gateway is told.
final class ChangeLog: Sendable {
    private let heard = Kept<[IdentityChange]>([])
    var changes: [IdentityChange] { heard.value }
    func listen(to service: IdentityService) { service.onChange { change in self.heard.change { $0.append(change) } } }
}

enum Encoding {
    static func base64(_ text: String) -> String { base64(Array(text.utf8)) }

    static func base64(_ bytes: [UInt8]) -> String {
        var out = ByteBuffer()
        Base64.url.append(bytes.span.bytes, to: &out)
        return String(decoding: out.array(), as: UTF8.self)
    }

    static func decoded(_ text: String) -> [UInt8] {
        var out = ByteBuffer()
        do {
            try Base64.url.decode(Array(text.utf8).span.bytes, into: &out)
        } catch {
            Issue.record("not base64url: \(text)")
        }
        return out.array()
    }

    /// A token over these texts, signed whatever they say.
    static func signed(_ header: String, _ claims: String, by key: borrowing SigningKey) -> String {
        let text = base64(header) + "." + base64(claims)
        let signature = key.sign(Array(text.utf8).span.bytes)
        return text + "." + base64(signature.bytes.withUnsafeBytes { Array($0) })
    }
}
