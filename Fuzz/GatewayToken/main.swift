import Base
import Crypto
import JOSE

// Signed tokens and key documents as strangers send them. The first byte chooses: a document of keys, a token as it is,
// or a header and claims (split at the first zero byte) that are signed first, so that what lies behind the signature is
// reached.

/// Judges one input; a broken promise traps.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTokens(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    guard let mode = bytes.first else { return 0 }
    let input = Array(bytes.dropFirst())
    switch mode % 3 {
    case 0: checkKeys(input)
    case 1: checkToken(input)
    default: checkSigned(input)
    }
    return 0
}

private let now = WallTime(nanoseconds: 1_800_000_000 * 1_000_000_000)

private let signing: SigningKey = {
    guard let key = try? SigningKey(seed: SecretBytes([UInt8](repeating: 7, count: 32).span.bytes)) else {
        preconditionFailure("32 bytes are a key")
    }
    return key
}()

private func makeKeys() -> PublicKeySet {
    var keys = PublicKeySet()
    keys.keys = [PublicKeySet.Key(keyID: "a", key: signing.verifyingKey)]
    return keys
}
private let keys = makeKeys()

/// A document is refused, or gives keys that a token may be checked with.
private func checkKeys(_ document: [UInt8]) {
    guard let keys = try? PublicKeySet(document.span.bytes) else { return }
    precondition(keys.keys.count <= 100)
    for key in keys.keys { precondition(keys.candidates(for: key.keyID).contains(key)) }
}

/// Nobody signs without the key. Whatever can be taken apart is written in one way only.
private func checkToken(_ text: [UInt8]) {
    let isGood = (try? keys.verify(text.span.bytes, expecting: .init(), at: now)) != nil
    precondition(!isGood, "a token that nobody has signed")
    guard let token = try? SignedToken(text.span.bytes, bytesMax: 1 << 20) else { return }
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    precondition(parts.count == 3 && Array(parts[1]) == encoded(token.payload))
}

/// A signed token is refused for what it says, or good; and then no other text is.
private func checkSigned(_ input: [UInt8]) {
    let parts = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    let claims = parts.count > 1 ? Array(parts[1]) : []
    var text = encoded(Array(parts[0])) + [UInt8(ascii: ".")] + encoded(claims)
    let signature = signing.sign(text.span.bytes)
    text += [UInt8(ascii: ".")] + encoded(signature.bytes.withUnsafeBytes { Array($0) })
    do throws(TokenFlaw) {
        _ = try keys.verify(text.span.bytes, expecting: .init(), at: now)
    } catch {
        precondition(error != .signature && error != .notBase64URL && error != .tooLong)
        return
    }
    for end in [UInt8(ascii: "A"), UInt8(ascii: "="), UInt8(ascii: "."), 0] {
        let longer = text + [end]
        precondition((try? SignedToken(longer.span.bytes, bytesMax: 1 << 20)) == nil)
    }
    text[text.count - 20] ^= 1
    do throws(TokenFlaw) {
        _ = try keys.verify(text.span.bytes, expecting: .init(), at: now)
        preconditionFailure("a signature was changed")
    } catch {
        precondition(error == .signature || error == .notBase64URL || error == .notCompact)
    }
}

private func encoded(_ bytes: [UInt8]) -> [UInt8] {
    var out = ByteBuffer()
    Base64.url.append(bytes.span.bytes, to: &out)
    return out.array()
}
