/// What a player may do beyond playing: a few names such as `moderator`, sorted, each once.
///
/// Most players have none, and asking is then one comparison. Names of up to 15 characters are compared in registers.
public struct Roles: Hashable, Sendable {
    /// The names in order.
    public let names: [String]

    /// No role.
    public static let none = Roles(sorted: [])

    private init(sorted names: [String]) { self.names = names }

    /// Takes names in any order. A name that is there twice counts once; what is no name of a role is left out.
    public init(_ names: some Sequence<String>) {
        self.names = Set(names.lazy.filter(Self.isName)).sorted()
    }

    /// Whether the player has this role.
    @inline(__always) public func contains(_ name: String) -> Bool {
        !names.isEmpty && names.contains(name)
    }

    /// These and one more.
    public func adding(_ name: String) -> Roles { Roles(names + [name]) }

    /// These without one.
    public func removing(_ name: String) -> Roles { Roles(sorted: names.filter { $0 != name }) }

    /// Whether a text may name a role: 1 to 31 characters of `a`–`z`, `0`–`9`, `_`, `-` and `.`.
    public static func isName(_ text: String) -> Bool {
        (1...31).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): true
                default: false
                }
            }
    }
}
