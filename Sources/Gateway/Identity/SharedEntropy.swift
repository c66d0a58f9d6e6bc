public import Base
import Crypto
import Synchronization

/// Unguessable numbers for whoever asks, from any thread.
public struct SharedEntropy: SecureEntropySource, Sendable {
    private let draw: @Sendable () -> UInt64

    /// Draws from libcrypto.
    public init() { self.init(SecureEntropy()) }

    /// Draws from a source that nobody else draws from.
    public init(_ source: consuming some SecureEntropySource & Sendable & ~Copyable) {
        let box = Box(source)
        draw = { box.next() }
    }

    /// The next 64 bits.
    public func next() -> UInt64 { draw() }

    private final class Box<Source: SecureEntropySource & Sendable & ~Copyable>: Sendable {
        private let source: Mutex<Source>
        init(_ source: consuming Source) { self.source = Mutex(source) }
        func next() -> UInt64 { source.withLock { $0.next() } }
    }
}
