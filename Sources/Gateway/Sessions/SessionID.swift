public import Base
import Contracts

/// What an identifier of a session is marked with.
public enum SessionTag {}

/// Names a session. It grants nothing; a `ResumeToken` does.
public typealias SessionID = Identifier<SessionTag>

/// What grants a session to whoever shows it: the session's name and a secret, as `name.secret`.
struct ResumeToken: Equatable, Sendable {
    enum Secret {}

    /// Which session.
    let session: SessionID
    /// What only its client knows.
    let secret: Token<Secret>

    /// How many characters its text has.
    static let textBytes = SessionID.textBytes + 1 + Token<Secret>.textBytes

    init(session: SessionID, secret: Token<Secret>) {
        self.session = session
        self.secret = secret
    }

    /// Reads what a client shows; `nil` is answered like a token that nobody knows.
    init?(text: RawSpan) {
        guard text.byteCount == Self.textBytes else { return nil }
        let dot = SessionID.textBytes
        guard unsafe text.unsafeLoad(fromByteOffset: dot, as: UInt8.self) == UInt8(ascii: ".") else { return nil }
        do throws(IdentifierRefusal) {
            session = try SessionID(text: text.extracting(0..<dot))
            secret = try Token(text: text.extracting((dot + 1)..<Self.textBytes))
        } catch {
            return nil
        }
    }

    /// Appends the token's text. Only the answer to its owner may hold it.
    func appendSecret(to out: inout ByteBuffer) {
        session.append(to: &out)
        out.append(UInt8(ascii: "."))
        secret.appendSecret(to: &out)
    }
}

/// Whose a session is.
struct SessionOwner: Hashable, Sendable {
    /// The player.
    let player: PlayerID
    /// The chain of tokens with which he logged in: what a logout revokes. 0 for none.
    var family: UInt128 = 0
}

/// How a session is over.
public enum SessionEnd: Hashable, Sendable {
    /// Nobody came back in time.
    case expired
    /// Its player has ended it.
    case ended
    /// It made room for a newer one of the same player.
    case displaced
    /// An operator or the game has thrown the player out, for this reason.
    case kicked(String)
    /// What proved who the player is counts no longer.
    case revoked
    /// The server has stopped.
    case stopped
}

/// Why there is no session for a client.
enum SessionRefusal: Error, Hashable, Sendable {
    /// The player has as many sessions as he may, and all have a socket.
    case tooManyOfPlayer
    /// The process holds as many sessions as it may.
    case full
    /// A mailbox is full, or an answer did not come in time.
    case unavailable
    /// The server stops.
    case stopping
    /// The link was closed meanwhile; nobody is there to be told.
    case linkClosed
    /// The token is of no session that exists: it was wrong, or the session is over.
    case unknown

    /// What the client is told.
    var code: ErrorCode {
        switch self {
        case .tooManyOfPlayer, .full, .unavailable, .stopping, .linkClosed: .unavailable
        case .unknown: .notFound
        }
    }
}
