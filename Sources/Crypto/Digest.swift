internal import CLibcrypto

/// A hash function of the SHA-2 family (FIPS 180-4).
public enum HashAlgorithm: Sendable, CaseIterable {
    /// 32 bytes.
    case sha256
    /// 48 bytes.
    case sha384
    /// 64 bytes.
    case sha512

    /// How many bytes a digest has.
    public var byteCount: Int {
        switch self {
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    /// Hashes bytes that are all there.
    public func hash(_ bytes: RawSpan) -> Digest {
        var hash = Hash(self)
        hash.update(bytes)
        return hash.finish()
    }

    /// libcrypto's own object for it, looked up once: a lookup takes locks and costs more than hashing a token.
    var implementation: Implementation {
        switch self {
        case .sha256: .sha256
        case .sha384: .sha384
        case .sha512: .sha512
        }
    }

    // It is never freed, so the pointer is good for as long as the process.
    @safe struct Implementation {
        let pointer: OpaquePointer

        private init(_ name: String) {
            guard let found = unsafe EVP_MD_fetch(nil, name, nil) else {
                preconditionFailure("libcrypto is broken: it has no \(name)")
            }
            unsafe pointer = found
        }

        static let sha256 = Implementation("SHA256")
        static let sha384 = Implementation("SHA384")
        static let sha512 = Implementation("SHA512")
    }
}

// libcrypto documents a fetched EVP_MD as immutable and usable from any thread; it is never freed.
extension HashAlgorithm.Implementation: @unchecked Sendable {}

/// The result of a hash or an authentication code. Comparing two takes the same time wherever they differ.
@safe public struct Digest: Sendable {
    private var storage = InlineArray<64, UInt8>(repeating: 0)
    /// How many bytes it has.
    public let count: Int

    init(count: Int, _ fill: (UnsafeMutablePointer<UInt8>) -> Void) {
        precondition(count >= 0 && count <= 64)
        self.count = count
        var span = storage.mutableSpan
        unsafe span.withUnsafeMutableBufferPointer { room in
            if let start = room.baseAddress { unsafe fill(start) }
        }
    }

    /// The bytes, borrowed.
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get { unsafe storage.span.bytes.extracting(first: count) }
    }

    /// A copy of the bytes, for code that is not hot.
    public func array() -> [UInt8] { (0..<count).map { storage[$0] } }
}

extension Digest: Hashable {
    /// Compares in constant time.
    public static func == (left: Self, right: Self) -> Bool { ConstantTime.areEqual(left.bytes, right.bytes) }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) {
        for offset in 0..<count { hasher.combine(storage[offset]) }
    }
}

/// Hashes bytes that come piece by piece.
@safe public struct Hash: ~Copyable {
    private let context: OpaquePointer
    private let algorithm: HashAlgorithm

    /// Begins a hash.
    public init(_ algorithm: HashAlgorithm) {
        guard let context = unsafe EVP_MD_CTX_new() else { preconditionFailure("no memory to hash") }
        unsafe self.context = context
        self.algorithm = algorithm
        let begun = unsafe EVP_DigestInit_ex(context, algorithm.implementation.pointer, nil)
        precondition(begun == 1, "libcrypto cannot hash")
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    /// Takes the next piece. How the bytes are cut does not matter.
    public mutating func update(_ bytes: RawSpan) {
        let taken = unsafe bytes.withUnsafeBytes { unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
        precondition(taken == 1, "libcrypto cannot hash")
    }

    /// Ends the hash.
    public consuming func finish() -> Digest {
        unsafe Digest(count: algorithm.byteCount) { room in
            let ended = unsafe EVP_DigestFinal_ex(context, room, nil)
            precondition(ended == 1, "libcrypto cannot hash")
        }
    }
}

// The context belongs to this owner alone, and libcrypto's contexts may move between threads.
extension Hash: @unchecked Sendable {}
