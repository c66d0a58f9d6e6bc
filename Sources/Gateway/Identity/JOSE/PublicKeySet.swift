import Base
public import Crypto
import Wire

/// Keys that somebody published (RFC 7517): those of them that check Ed25519 signatures (RFC 8037).
public struct PublicKeySet: Sendable {
    /// One published key.
    public struct Key: Sendable, Hashable {
        /// Its name, if it has one.
        public let keyID: String?
        /// The key.
        public let key: VerifyingKey

        /// Names a key.
        public init(keyID: String?, key: VerifyingKey) {
            self.keyID = keyID
            self.key = key
        }
    }

    /// Why a document is not a set of keys.
    public enum Refusal: String, Error, Sendable {
        /// It is not one JSON object with each member once.
        case malformed = "it is not one JSON object with each member once"
        /// It has no member `keys` and is no key either.
        case notKeys = "it is neither a key nor a set of keys"
        /// It has more keys than are read.
        case tooMany = "it has too many keys"
    }

    /// Sets of real issuers have up to a dozen keys.
    static let keysMax = 100

    /// The keys in order.
    public var keys: [Key] = []

    /// An empty set.
    public init() {}

    /// Reads a set, or a document that is one key. A key that is for something else or not understood is left out, as
    /// the standard demands of sets; so is one of ours whose members contradict it.
    ///
    /// - Throws: what is wrong with the document.
    public init(_ document: RawSpan) throws(Refusal) {
        var isSet = false
        var isTooMany = false
        var keys: [Key] = []
        var lone = Draft()
        let isRead = JSONReader.members(of: document) { (name, reader) throws(WireError) -> Bool in
            guard name.equals("keys") else { return try lone.read(name, &reader) }
            isSet = true
            var scope = try reader.beginArray()
            var count = 0
            while try reader.nextElement(in: &scope) {
                count += 1
                guard count <= Self.keysMax else {
                    isTooMany = true
                    return false
                }
                var draft = Draft()
                guard try reader.members({ (name, reader) throws(WireError) in try draft.read(name, &reader) })
                else { return false }
                if let key = draft.key { keys.append(key) }
            }
            return true
        }
        guard isRead else { throw isTooMany ? .tooMany : .malformed }
        if isSet {
            self.keys = keys
        } else {
            guard lone.type != nil else { throw .notKeys }
            self.keys = lone.key.map { [$0] } ?? []
        }
    }

    /// The keys that may have signed a token: those of its name, and those without one. A token without a name may be
    /// of any key.
    public func candidates(for keyID: String?) -> [Key] {
        guard let keyID else { return keys }
        return keys.filter { $0.keyID == nil || $0.keyID == keyID }
    }

    /// The members of a key as they come.
    private struct Draft {
        var type: String?
        var curve: String?
        var x: String?
        var keyID: String?
        var use: String?
        var algorithm: String?
        var operations: [String]?
        /// A member of ours has another type: the key is left out.
        var isOdd = false

        mutating func read(_ name: borrowing WireSlice, _ reader: inout JSONReader) throws(WireError) -> Bool {
            if name.equals("kty") {
                type = try text(&reader)
            } else if name.equals("crv") {
                curve = try text(&reader)
            } else if name.equals("x") {
                x = try text(&reader)
            } else if name.equals("kid") {
                keyID = try text(&reader)
            } else if name.equals("use") {
                use = try text(&reader)
            } else if name.equals("alg") {
                algorithm = try text(&reader)
            } else if name.equals("key_ops") {
                guard try reader.peekKind() == .array else {
                    isOdd = true
                    try reader.skipValue()
                    return true
                }
                guard let texts = try reader.texts(max: 16) else { return false }
                operations = texts
            } else {
                try reader.skipValue()
            }
            return true
        }

        private mutating func text(_ reader: inout JSONReader) throws(WireError) -> String? {
            guard try reader.peekKind() == .text else {
                isOdd = true
                try reader.skipValue()
                return nil
            }
            return try reader.string()
        }

        var key: Key? {
            guard !isOdd, type == "OKP", curve == "Ed25519", let x else { return nil }
            guard use == nil || use == "sig", algorithm == nil || algorithm == "EdDSA" else { return nil }
            if let operations, !operations.contains("verify") || Set(operations).count != operations.count {
                return nil
            }
            var bytes = ByteBuffer()
            guard (try? unsafe Base64.url.decode(Array(x.utf8).span.bytes, into: &bytes)) != nil,
                let key = try? VerifyingKey(bytes.bytes)
            else { return nil }
            return Key(keyID: keyID, key: key)
        }
    }
}
