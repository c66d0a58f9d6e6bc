/// What is the matter with the database server, where the store has one.
public enum ServerTrouble: Error, Hashable, Sendable {
    /// The host's name has no address.
    case unresolved(host: String)
    /// Nobody answers there; the system's words.
    case unreachable(String)
    /// It did not answer in time.
    case timedOut
    /// It refuses the user or the password.
    case wrongPassword
    /// It has no such database.
    case unknownDatabase
    /// The user may not do this.
    case notPermitted
    /// The encrypted connection could not be made as it was asked for.
    case tls(String)
    /// No authority that we believe has signed its certificate.
    case untrusted(String)
    /// Its certificate is another server's.
    case wrongName(String)
    /// It can only be read: a standby, or one that was told so.
    case readOnly
    /// It has no connection left.
    case tooManyConnections
    /// It is starting, stopping or recovering.
    case notReady
    /// The connection broke.
    case lost
    /// Other processes wanted the same rows again and again.
    case contended
    /// It is older than we can use.
    case oldServer(version: Int)
    /// The schema holds tables that are none of ours.
    case foreignSchema(String)

    /// The trouble in words.
    public var words: String {
        switch self {
        case .unresolved(let host): "the name \(host) of the PostgreSQL server has no address"
        case .unreachable(let words): "the PostgreSQL server cannot be reached: \(words)"
        case .timedOut: "the PostgreSQL server did not answer in time"
        case .wrongPassword: "the PostgreSQL server refuses the user or the password"
        case .unknownDatabase: "the PostgreSQL server has no such database"
        case .notPermitted: "the user may not do this in the PostgreSQL database"
        case .tls(let words): "the encrypted connection to the PostgreSQL server failed: \(words)"
        case .untrusted(let words):
            "the certificate of the PostgreSQL server is signed by nobody whom sslrootcert names: \(words)"
        case .wrongName(let words): "the certificate of the PostgreSQL server is another server's: \(words)"
        case .readOnly: "the PostgreSQL server can only be read: a standby, or one that was told so"
        case .tooManyConnections: "the PostgreSQL server has no connection left"
        case .notReady: "the PostgreSQL server is starting, stopping or recovering"
        case .lost: "the connection to the PostgreSQL server broke"
        case .contended: "other processes wanted the same rows again and again"
        case .oldServer(let version):
            "the PostgreSQL server has version \(version / 10_000); 13 is the oldest we can use"
        case .foreignSchema(let name): "the schema \(name) of the PostgreSQL database holds tables that are not ours"
        }
    }
}

/// Something about the database server that an operator should know, although the store works: told once.
public enum StoreNotice: Hashable, Sendable {
    /// The server syncs nothing: a power cut loses or damages what was acknowledged.
    case syncsNothing
    /// The server does not write pages whole: a power cut may damage them.
    case tearsPages
    /// The server was told to acknowledge commits before they are on the disk. We tell it otherwise for our own.
    case acknowledgesEarly

    /// The notice in words.
    public var words: String {
        switch self {
        case .syncsNothing: "PostgreSQL runs with fsync = off: a power cut loses what was acknowledged, or all of it"
        case .tearsPages: "PostgreSQL runs with full_page_writes = off: a power cut may damage what is stored"
        case .acknowledgesEarly:
            "PostgreSQL runs with synchronous_commit = off, which is overruled for what Gamekeeper writes"
        }
    }

    /// Whether what was acknowledged may be lost.
    public var isDanger: Bool { self != .acknowledgesEarly }
}

/// Why one exchange with the server has failed.
enum PostgresFailure: Error, Hashable, Sendable {
    /// The server has refused a statement and undone the transaction; the connection works.
    case refused(SQLState, words: String)
    /// The connection is gone, and with it the news about what was under way.
    case gone(StoreTrouble)

    var trouble: StoreTrouble {
        switch self {
        case .refused(let state, let words): state.trouble(words)
        case .gone(let trouble): trouble
        }
    }
}

/// The server's five letters for what is the matter.
struct SQLState: Hashable, Sendable {
    let text: String

    /// Whether somebody else has touched the same rows, so that the same group may well succeed when it is run again.
    var isConflict: Bool {
        switch text {
        // serialization, deadlock, unique violation, no lock in time
        case "40001", "40P01", "23505", "55P03": true
        default: false
        }
    }

    /// Whether the connection must be made anew, perhaps to another server.
    var endsConnection: Bool {
        switch text {
        case "25006", "57P01", "57P02", "57P03", "57P05", "25P03", "57014": true
        default: text.hasPrefix("08") || text.hasPrefix("XX") || text.hasPrefix("58")
        }
    }

    func trouble(_ words: String) -> StoreTrouble {
        switch text {
        case "53100": .diskFull
        case "53200": .noMemory
        case "53300": .server(.tooManyConnections)
        case "58030": .inputOutput(0)
        case "XX001", "XX002": .damaged
        case "28P01", "28000": .server(.wrongPassword)
        case "3D000": .server(.unknownDatabase)
        case "42501": .server(.notPermitted)
        case "25006": .server(.readOnly)
        case "57P01", "57P02", "57P03": .server(.notReady)
        case "57014", "25P03": .server(.timedOut)
        case _ where isConflict: .server(.contended)
        case _ where text.hasPrefix("08"): .server(.lost)
        default: .other(0, "PostgreSQL \(text): \(words)")
        }
    }
}
