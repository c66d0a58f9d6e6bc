import Base
import Contracts
import Reactor
import Wire

// Our own calls. Their names are reserved; a game that uses one is told so at its start.
extension BuiltIn {
    /// Everything that a server adds to a game's contract.
    static var parts: [ContractPart<Caller>] {
        (logins + sessions + topics).map { .call($0) }
    }

    // MARK: Saying who one is

    private static var logins: [Call<Caller>] {
        [
            Call(
                "auth.guest",
                .string("device_secret", 16...128),
                summary: "Logs in by a secret that the device has made up and keeps; the first time makes a player.",
                permission: .public
            ) { caller, secret async throws in
                let login = try await refusing {
                    () async throws in try await caller.identities.guest(secret: secret, at: caller.wall)
                }
                try await caller.visitor.enter(login.identity)
                return TokensAnswer(login.tokens)
            },
            Call(
                "auth.refresh",
                .string("refresh_token", 1...4_096),
                summary: "Gives new tokens for a refresh token, which is good once.",
                permission: .public
            ) { caller, token async throws in
                let login = try await refusing {
                    () async throws in try await caller.identities.refresh(token: token, at: caller.wall)
                }
                try await caller.visitor.enter(login.identity)
                return TokensAnswer(login.tokens)
            },
            Call(
                "auth.token",
                .string("access_token", 1...4_096),
                summary: "Logs this connection in by an access token.",
                permission: .public
            ) { caller, token async throws in
                let identity = try caller.verify(token)
                try await caller.visitor.enter(identity)
                return Who(player: identity.player)
            },
            Call("auth.logout", summary: "Ends this login: its tokens and its sessions.") { caller async throws in
                guard let identity = caller.visitor.identity else { throw Refusal(.unauthenticated) }
                try await refusing {
                    () async throws in try await caller.identities.logOut(identity, at: caller.wall)
                }
                return Done(ended: true)
            },
        ]
    }

    /// Runs something of identity's, and refuses as it does.
    private static func refusing<Result>(
        _ body: () async throws -> Result
    ) async throws -> Result {
        do {
            return try await body()
        } catch let refusal as IdentityRefusal {
            throw Refusal(refusal.code, refusal.message)
        }
    }

    // MARK: Sessions

    private static var sessions: [Call<Caller>] {
        [
            Call(
                "session.resume",
                .string("token", 1...128),
                .int("epoch", 0...Int(UInt32.max)),
                .int("seq", 0...Int(Envelope.numberMax)),
                summary: "Comes back to a session on a new socket. Events that were missed follow in order.",
                permission: .public
            ) { caller, token, epoch, seq -> Resumed in
                guard let token = caller.resumeToken(token) else {
                    throw Refusal(.notFound, "there is no such session; log in")
                }
                caller.wantsResume = ResumeClaim(token: token, epoch: UInt32(epoch), seq: UInt64(seq))
                // The answer is made by the session, on the loop where it lives; this one is thrown away.
                return Resumed.pending
            },
            Call(
                "session.contract",
                .string("hash", 1...128),
                .map("calls", 0...4_096, of: .string("hash", 1...128)),
                summary: "Says which calls the server knows in another form than the client.",
                permission: .public,
                cost: 10
            ) { caller, hash, calls -> ContractAnswer in caller.compare(hash, calls) },
            Call("session.list", summary: "Lists the player's own sessions.") { caller async throws -> SessionList in
                try await caller.ownSessions()
            },
            Call(
                "session.end",
                .optional(.string("session_id", 1...64)),
                summary: "Ends a session of the player's own: this one where no other is named."
            ) { caller, session async throws -> Done in Done(ended: try await caller.endOwnSession(session)) },
        ]
    }

    // MARK: Topics

    private static var topics: [Call<Caller>] {
        [
            Call(
                "topic.subscribe",
                .string("topic", 1...129),
                .optional(.int("last", 0...1_000)),
                summary: "Hears a topic from now on, after so many of its last messages."
            ) { caller, topic, last async throws -> Subscribed in try await caller.hear(topic, last: last ?? 0) },
            Call(
                "topic.unsubscribe",
                .string("topic", 1...129),
                summary: "Hears a topic no longer."
            ) { caller, topic -> Done in
                try caller.ceaseToHear(topic)
                return Done(ended: true)
            },
            Call(
                "topic.publish",
                .string("topic", 1...129),
                Field<Anything>("data", ()),
                summary: "Tells a topic's subscribers something, where the contract lets clients do so.",
                rate: Rate(perSecond: 30, burst: 60)
            ) { caller, topic, data -> Void in try caller.publish(data, to: topic) },
        ]
    }
}

extension BuiltIn.Resumed {
    /// A place-holder that is never told.
    static let pending: Self = {
        guard let player = PlayerID("nobody") else { preconditionFailure("this is a name") }
        return Self(
            recovered: false,
            session: "-",
            player: player,
            epoch: 0,
            seq: 0,
            token: "-",
            snapshot: nil
        )
    }()

    init(_ resumption: Resumption) {
        let session = resumption.session
        var token = ByteBuffer()
        session.resumeToken.appendSecret(to: &token)
        self.init(
            recovered: resumption.recovered,
            session: session.id.description,
            player: session.owner.player,
            epoch: Int(session.epoch),
            seq: Int(resumption.seq),
            token: String(decoding: token.array(), as: UTF8.self),
            snapshot: resumption.snapshot.map { Anything($0) }
        )
    }
}

extension BuiltIn.Opened {
    init(_ session: Session, grace: Duration, _ contract: ContractDescription, _ hash: String) {
        var token = ByteBuffer()
        session.resumeToken.appendSecret(to: &token)
        self.init(
            session: session.id.description,
            player: session.owner.player,
            token: String(decoding: token.array(), as: UTF8.self),
            epoch: Int(session.epoch),
            graceMilliseconds: Int(grace.nanoseconds / 1_000_000),
            contract: BuiltIn.ContractName(name: contract.name, version: contract.version, hash: hash)
        )
    }
}
