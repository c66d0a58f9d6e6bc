import Wire

/// One call of an audit.
struct AuditCall: Sendable {
    var method: String
    var params: AttackValue?
    var key: String?
}

/// One player's way to the game: a socket in some format, HTTP, or a fake of the tests.
protocol AuditLine: Sendable {
    /// The format of its messages.
    var format: WireFormat { get }
    /// What the report calls it.
    var way: String { get }
    /// Makes a call and waits for the answer; `nil` if the format can't say it.
    func call(_ call: AuditCall) async -> AuditAnswer?
    /// How long a ping takes in milliseconds; `nil` without an answer, or where there is no ping.
    func ping() async -> Double?
    /// Waits, when the game said so.
    func pause(milliseconds: Int64) async
    /// The player leaves.
    func close() async
}

extension AuditLine {
    /// Nothing is open.
    func close() async {}
}

/// Where lines come from.
protocol AuditTarget: Sendable {
    /// The ways that are to be audited.
    var ways: [AuditWay] { get }
    /// Opens a line for a player of its own, or for nobody.
    func open(_ way: AuditWay, as player: AuditPlayer) async -> (any AuditLine)?
    /// Sends a message on a socket of its own and tells the first answer to it: `.result` if the connection simply goes on;
    /// `nil` where this format is not spoken.
    func send(_ breach: Breach) async -> AuditAnswer?
    /// Errors that the game has logged so far; `nil` where the log can't be seen.
    func errorsLogged() async -> Int?
}

/// How a call travels.
enum AuditWay: Sendable, Hashable {
    case socket(WireFormat)
    case http

    /// Every way there is.
    static let all: [AuditWay] = WireFormat.allCases.map { .socket($0) } + [.http]

    var name: String {
        switch self {
        case .socket(let format): format.rawValue
        case .http: "http"
        }
    }
}

/// As whom a line speaks.
enum AuditPlayer: Sendable, Hashable {
    /// Somebody who never said who he is.
    case nobody
    /// The guest of this number.
    case guest(Int)
}
