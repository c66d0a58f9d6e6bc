import Base
import Contracts
import Wire

/// What our own calls take and answer, beside what games declare.
enum BuiltIn {
    /// The details of a refusal that names a field of the message.
    static func fault(_ field: String, _ problem: String) -> Value {
        .object(["field": .string(field), "problem": .string(problem)])
    }

    /// What a client keeps after a login.
    struct TokensAnswer: Message {
        let player: PlayerID
        let access: String
        let accessExpires: Int
        let refresh: String
        let refreshExpires: Int
        let isNew: Bool

        static let typeName = "Tokens"
        static let fields = Fields(
            TokensAnswer.init,
            .player("player_id", \.player),
            .string("access_token", \.access, 1...4_096),
            .int("access_expires_ms", \.accessExpires, 0...Int(Envelope.numberMax)),
            .string("refresh_token", \.refresh, 1...4_096),
            .int("refresh_expires_ms", \.refreshExpires, 0...Int(Envelope.numberMax)),
            .bool("is_new", \.isNew)
        )

        init(
            player: PlayerID,
            access: String,
            accessExpires: Int,
            refresh: String,
            refreshExpires: Int,
            isNew: Bool
        ) {
            self.player = player
            self.access = access
            self.accessExpires = accessExpires
            self.refresh = refresh
            self.refreshExpires = refreshExpires
            self.isNew = isNew
        }

        init(_ tokens: Tokens) {
            self.init(
                player: tokens.player,
                access: tokens.access,
                accessExpires: Int(tokens.accessExpires.milliseconds),
                refresh: tokens.refresh,
                refreshExpires: Int(tokens.refreshExpires.milliseconds),
                isNew: tokens.isNew
            )
        }
    }

    /// Who a token has proven somebody to be.
    struct Who: Message {
        let player: PlayerID
        static let typeName = "Who"
        static let fields = Fields(Who.init, .player("player_id", \.player))
    }

    /// Nothing but that it was done.
    struct Done: Message {
        let ended: Bool
        static let typeName = "Done"
        static let fields = Fields(Done.init, .bool("ended", \.ended))
    }

    /// One session of a player's own.
    struct SessionRow: Message {
        let session: String
        let isAttached: Bool
        let ageMilliseconds: Int
        static let typeName = "SessionRow"
        static let fields = Fields(
            SessionRow.init,
            .string("session_id", \.session, 1...64),
            .bool("attached", \.isAttached),
            .int("age_ms", \.ageMilliseconds, 0...Int(Envelope.numberMax))
        )
    }

    /// The sessions of a player.
    struct SessionList: Message {
        let sessions: [SessionRow]
        static let typeName = "SessionList"
        static let fields = Fields(
            SessionList.init,
            .array("sessions", \.sessions, 0...256, of: .object("session"))
        )
    }

    /// Which calls a client knows in another form than the server.
    struct ContractAnswer: Message {
        let matches: Bool
        let changed: [String]
        let missing: [String]
        let added: [String]
        static let typeName = "ContractDifference"
        static let fields = Fields(
            ContractAnswer.init,
            .bool("matches", \.matches),
            .array("changed", \.changed, 0...4_096, of: .string("call", 1...128)),
            .array("missing", \.missing, 0...4_096, of: .string("call", 1...128)),
            .array("added", \.added, 0...4_096, of: .string("call", 1...128))
        )
    }

    /// A topic that is heard, and its last messages where they were asked for.
    struct Subscribed: Message {
        let topic: String
        let history: [Anything]
        static let typeName = "Subscribed"
        static let fields = Fields(
            Subscribed.init,
            .string("topic", \.topic, 1...129),
            .array("history", \.history, 0...1_000, of: Field<Anything>("message", ()))
        )
    }

    /// What a client has come back to.
    struct Resumed: Message {
        let recovered: Bool
        let session: String
        let player: PlayerID
        let epoch: Int
        let seq: Int
        let token: String
        let snapshot: Anything?

        static let typeName = "Resumed"
        static let fields = Fields(
            Resumed.init,
            .bool("recovered", \.recovered),
            .string("session_id", \.session, 1...64),
            .player("player_id", \.player),
            .int("epoch", \.epoch, 0...Int(UInt32.max)),
            .int("seq", \.seq, 0...Int(Envelope.numberMax)),
            .string("resume_token", \.token, 1...128),
            .optional(\.snapshot, Field<Anything>("snapshot", ()))
        )
    }

    /// What a client learns when its session is open.
    struct Opened: Message {
        let session: String
        let player: PlayerID
        let token: String
        let epoch: Int
        let graceMilliseconds: Int
        let contract: ContractName

        static let typeName = "SessionOpened"
        static let fields = Fields(
            Opened.init,
            .string("session_id", \.session, 1...64),
            .player("player_id", \.player),
            .string("resume_token", \.token, 1...128),
            .int("epoch", \.epoch, 0...Int(UInt32.max)),
            .int("grace_ms", \.graceMilliseconds, 0...Int(Envelope.numberMax)),
            .object("contract", \.contract)
        )
    }

    /// Which contract a server speaks.
    struct ContractName: Message {
        let name: String
        let version: String
        let hash: String
        static let typeName = "ContractName"
        static let fields = Fields(
            ContractName.init,
            .string("name", \.name, 1...128),
            .string("version", \.version, 1...128),
            .string("hash", \.hash, 1...128)
        )
    }
}
