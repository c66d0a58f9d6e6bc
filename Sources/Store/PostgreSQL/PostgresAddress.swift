/// Where a PostgreSQL database is and who we are there: `postgres://user:password@host:port/database?option=value`, or
/// `host:port,host:port` where one of several servers is the one that writes.
///
/// The password is in no description of it, so that no log shows it.
public struct PostgresAddress: Hashable, Sendable {
    /// The servers among which the one that can be written to is looked for; at least one.
    public let places: [Place]
    /// Who we are.
    public let user: String
    let password: Secret?
    /// The database.
    public let database: String
    /// How the connection is protected.
    public let tls: TLSMode
    /// The file with the authorities to be believed; `nil` uses libpq's own.
    public let rootCertificate: String?
    /// The schema in which our tables stand.
    public let schema: String

    /// One server.
    public struct Place: Hashable, Sendable {
        /// A name, an address, or the folder of a Unix socket, which begins with `/`.
        public let host: String
        /// The port, also of a Unix socket, whose file has it in its name.
        public let port: UInt16

        /// Whether the host is the folder of a Unix socket.
        var isLocal: Bool { host.hasPrefix("/") }
    }

    /// How the connection is protected: libpq's `sslmode`, under its own names.
    public enum TLSMode: String, Hashable, Sendable, CaseIterable {
        case disable, allow, prefer, require
        case verifyAuthority = "verify-ca"
        case verifyAll = "verify-full"
    }

    /// What a URL has that it may not have, or the other way round.
    public enum Flaw: Error, Hashable, Sendable {
        /// It is longer than any address needs to be.
        case tooLong
        /// It does not begin with `postgres://` or `postgresql://`.
        case notPostgres
        /// `%` is not followed by two hexadecimal digits, or they make no text.
        case badEscape
        /// It names no user.
        case noUser
        /// A host is none, or there are too many.
        case badHost
        /// The port is no number from 1 to 65535.
        case badPort
        /// It names no database.
        case noDatabase
        /// It has an option that we do not know.
        case unknownOption(String)
        /// An option has a value that it cannot have.
        case badOption(String)
    }

    private static let bytesMax = 2_048
    private static let nameBytesMax = 63
    private static let placesMax = 8

    /// Reads a URL.
    ///
    /// - Throws: what is wrong with it. The words never hold the password.
    public init(_ url: String) throws(Flaw) {
        guard url.utf8.count <= Self.bytesMax else { throw .tooLong }
        let schemes = ["postgres://", "postgresql://"]
        guard let scheme = schemes.first(where: { url.hasPrefix($0) }) else { throw .notPostgres }
        let rest = url.dropFirst(scheme.count)
        let (beforeQuery, query) = Self.cut(rest, at: "?")
        let (authority, path) = Self.cut(beforeQuery, at: "/")
        // Behind the server an @ is a sign of a password that was not escaped, and would be shown as something else.
        guard query?.contains("@") != true, path?.contains("@") != true else { throw .badEscape }
        let (credentials, place) = Self.cutLast(authority, at: "@")
        let options = try Options(query)

        let (userText, passwordText) = Self.cut(credentials ?? "", at: ":")
        user = try Self.decode(userText)
        guard !user.isEmpty else { throw .noUser }
        password = try passwordText.map { text throws(Flaw) in Secret(text: try Self.decode(text)) }
        database = try Self.decode(path ?? "")
        guard !database.isEmpty else { throw .noDatabase }

        let named = place.split(separator: ",", maxSplits: Self.placesMax, omittingEmptySubsequences: false)
        guard named.count <= Self.placesMax, named.count == 1 || options.host == nil else { throw .badHost }
        var places: [Place] = []
        for text in named { places.append(try Self.place(text, options.host)) }
        self.places = places
        tls = options.tls
        rootCertificate = options.rootCertificate
        schema = options.schema
    }

    // MARK: Reading

    private static func place(_ text: Substring, _ folder: String?) throws(Flaw) -> Place {
        let (hostText, portText) = try splitPort(text)
        let named = try decode(hostText)
        guard named.isEmpty || folder == nil else { throw .badOption("host") }
        let host = folder ?? named
        guard !host.isEmpty, !host.contains(",") else { throw .badHost }
        let port = portText.map { UInt16($0) ?? 0 } ?? 5_432
        guard port > 0 else { throw .badPort }
        return Place(host: host, port: port)
    }

    private struct Options {
        var host: String?
        var tls = TLSMode.prefer
        var rootCertificate: String?
        var schema = "gamekeeper"

        init(_ query: Substring?) throws(Flaw) {
            for pair in (query ?? "").split(separator: "&") {
                let (nameText, valueText) = PostgresAddress.cut(pair, at: "=")
                let (name, value) = (try decode(nameText), try decode(valueText ?? ""))
                guard !value.isEmpty else { throw .badOption(name) }
                switch name {
                case "host": host = value
                case "sslmode":
                    guard let mode = TLSMode(rawValue: value) else { throw .badOption(name) }
                    tls = mode
                case "sslrootcert": rootCertificate = value
                case "schema":
                    let isPlain = value.utf8.allSatisfy {
                        (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "_")
                    }
                    guard isPlain, value.utf8.count <= nameBytesMax, !value.hasPrefix("pg_") else {
                        throw .badOption(name)
                    }
                    schema = value
                default: throw .unknownOption(name)
                }
            }
        }
    }

    private static func cut(_ text: Substring, at mark: Character) -> (Substring, Substring?) {
        guard let place = text.firstIndex(of: mark) else { return (text, nil) }
        return (text[..<place], text[text.index(after: place)...])
    }

    private static func cutLast(_ text: Substring, at mark: Character) -> (Substring?, Substring) {
        guard let place = text.lastIndex(of: mark) else { return (nil, text) }
        return (text[..<place], text[text.index(after: place)...])
    }

    /// Brackets hold an address with colons of its own.
    private static func splitPort(_ place: Substring) throws(Flaw) -> (host: Substring, port: Substring?) {
        guard place.hasPrefix("[") else {
            let (host, port) = cut(place, at: ":")
            return (host, port)
        }
        let (host, rest) = cut(place.dropFirst(), at: "]")
        guard let rest, host.contains(":") else { throw .badHost }
        if rest.isEmpty { return (host, nil) }
        guard rest.hasPrefix(":") else { throw .badHost }
        return (host, rest.dropFirst())
    }

    private static func decode(_ text: Substring) throws(Flaw) -> String {
        var bytes: [UInt8] = []
        var left = text.utf8[...]
        while let byte = left.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = left.popFirst().flatMap(digit), let low = left.popFirst().flatMap(digit) else {
                throw .badEscape
            }
            bytes.append(high << 4 | low)
        }
        // libpq's strings end at a zero.
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else { throw .badEscape }
        return text
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}

extension PostgresAddress: CustomStringConvertible, CustomDebugStringConvertible {
    /// Where it is and who we are, without the password.
    public var description: String {
        "postgres://\(user)@\(places.map(\.description).joined(separator: ","))/\(database)?schema=\(schema)"
    }

    /// The same.
    public var debugDescription: String { description }
}

extension PostgresAddress.Place: CustomStringConvertible {
    /// Host and port, as in a URL.
    public var description: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}

extension PostgresAddress.Flaw {
    /// What is wrong, in words.
    public var words: String {
        switch self {
        case .tooLong: "the address is too long"
        case .notPostgres: "the address does not begin with postgres://"
        case .badEscape: "the address has a % without two hexadecimal digits behind it, or they make no text"
        case .noUser: "the address names no user: postgres://USER:PASSWORD@HOST:PORT/DATABASE"
        case .badHost: "the address names no host, or too many: postgres://USER:PASSWORD@HOST:PORT/DATABASE"
        case .badPort: "the port of the address is no number from 1 to 65535"
        case .noDatabase: "the address names no database: postgres://USER:PASSWORD@HOST:PORT/DATABASE"
        case .unknownOption(let name): "the address has the option \(name), which is not known"
        case .badOption(let name): "the option \(name) of the address has a value that it cannot have"
        }
    }
}

/// A text that nothing shows.
struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let text: String

    var description: String { "***" }
    var debugDescription: String { "***" }
    var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
