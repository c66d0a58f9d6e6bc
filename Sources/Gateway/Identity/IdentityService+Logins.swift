public import Base
import Contracts
import Crypto
import Synchronization

// Logging in, staying in, and leaving.
extension IdentityService {
    /// Logs in a device by the secret that it made and keeps; the first time this makes the player.
    ///
    /// The store gets a code of the secret under a key of ours, never the secret: who steals the store can neither log in
    /// nor guess.
    ///
    /// A secret has 16 to 128 characters, of which the device should have drawn at least 128 bits.
    ///
    /// - Returns: the player, and what the client keeps.
    /// - Throws: `badSecret`, `banned`, `unavailable`.
    public func guest(secret: String, at now: WallTime) async throws -> Login {
        guard (16...128).contains(secret.unicodeScalars.count) else { throw IdentityRefusal.badSecret }
        let bytes = Array(secret.utf8)
        var subject = ByteBuffer(capacity: 43)
        unsafe Base64.url.append(vault.guests.code(for: bytes.span.bytes).bytes, to: &subject)
        let credential = Credential(kind: .guest, subject: String(decoding: subject.array(), as: UTF8.self))
        let code = vault.guestPlayers.code(for: unsafe bytes.span.bytes)
        let own = unsafe Identifier<PlayerTag>(bits: code.bytes.unsafeLoadUnaligned(as: UInt128.self).bigEndian)
        // Where that player lives on without this secret, the guest is somebody new.
        return try await logIn(credential, orCreate: [own, makeIdentifier(PlayerTag.self, at: now)], at: now)
    }

    /// Logs in by a credential that the caller has proven.
    ///
    /// An unknown credential makes a player if `createsPlayer` says so.
    ///
    /// - Returns: the player, and what the client keeps.
    /// - Throws: `unknown`, `banned`, `unavailable`.
    public func logIn(
        _ credential: Credential,
        createsPlayer: Bool,
        at now: WallTime
    ) async throws -> Login {
        let candidates = createsPlayer ? [makeIdentifier(PlayerTag.self, at: now)] : []
        return try await logIn(credential, orCreate: candidates, at: now)
    }

    private func logIn(
        _ credential: Credential,
        orCreate candidates: [Identifier<PlayerTag>],
        at now: WallTime
    ) async throws -> Login {
        var entropy = entropy
        let secret = RefreshToken.draw(&entropy)
        let ends = now.adding(limits.familyLifetime)
        let family = NewFamily(
            id: makeIdentifier(FamilyTag.self, at: now),
            token: RefreshToken.hash(secret),
            expires: min(now.adding(limits.refreshLifetime), ends),
            ends: ends,
            familiesMax: limits.familiesPerPlayerMax
        )
        let admission: Admission
        do {
            admission = try await admit(credential, orCreate: candidates.compactMap(Self.player), family, at: now)
        } catch {
            throw IdentityRefusal(error)
        }
        end(admission.closed, of: admission.player, because: .replaced, at: now)
        let identity = Identity(
            player: admission.player,
            roles: admission.roles,
            family: family.id,
            expires: accessExpires(from: now, familyEnds: family.expires),
            isNew: admission.isNew
        )
        return login(identity, generation: 1, secret, refreshExpires: family.expires, at: now)
    }

    /// Changes a refresh token for the next access token and the next refresh token.
    ///
    /// A token that was used before ends its login for everybody: owner and thief cannot be told apart. The one
    /// exception is written at `Renewal`.
    ///
    /// - Throws: `unknown`, `reused`, `banned`, `unavailable`.
    public func refresh(token text: String, at now: WallTime) async throws -> Login {
        guard let shown = RefreshToken(text, key: vault.renewals) else { throw IdentityRefusal.unknown }
        var entropy = entropy
        let secret = RefreshToken.draw(&entropy)
        let renewal = Renewal(
            family: shown.family,
            generation: shown.generation,
            shown: RefreshToken.hash(shown.secret),
            successor: RefreshToken.hash(secret),
            expires: now.adding(limits.refreshLifetime),
            grace: limits.refreshGrace
        )
        let renewed: Renewed
        do {
            renewed = try await store.renew(renewal, at: now)
        } catch {
            if case .reused(let player) = error as? AccountRefusal {
                end([shown.family], of: player, because: .reused, at: now)
            }
            throw IdentityRefusal(error)
        }
        let identity = Identity(
            player: renewed.player,
            roles: renewed.roles,
            family: shown.family,
            expires: accessExpires(from: now, familyEnds: renewed.expires)
        )
        return login(identity, generation: renewed.generation, secret, refreshExpires: renewed.expires, at: now)
    }

    /// Ends the login that somebody came with.
    ///
    /// - Throws: `unavailable` when it could not be ended at once; the client should try again.
    public func logOut(_ identity: Identity, at now: WallTime) async throws {
        guard revocations.hasRoom(at: now) else { throw IdentityRefusal.unavailable }
        try await end(identity.family, because: .logout, at: now)
    }

    // MARK: Tickets

    /// Makes a ticket for who was verified: it opens one socket within 30 s.
    ///
    /// - Throws: `unavailable` when too many wait.
    public func issueTicket(for identity: Identity, at now: WallTime) throws(IdentityRefusal) -> Ticket {
        var entropy = entropy
        var text = ByteBuffer(capacity: 26)
        Token<TicketTag>(entropy: &entropy).appendSecret(to: &text)
        let hash = HashAlgorithm.sha256.hash(text.bytes)
        guard let expires = tickets.withLock({ $0.add(hash, for: identity, at: now) }) else {
            throw IdentityRefusal.unavailable
        }
        return Ticket(text: String(decoding: text.array(), as: UTF8.self), expires: expires)
    }

    /// Takes a ticket. It is used up, whatever the answer.
    ///
    /// - Throws: `unknown` (never made, used, or too old), `revoked`.
    public func redeem(ticket: RawSpan, at now: WallTime) throws(IdentityRefusal) -> Identity {
        guard ticket.byteCount == Token<TicketTag>.textBytes else { throw IdentityRefusal.unknown }
        let hash = HashAlgorithm.sha256.hash(ticket)
        guard let identity = tickets.withLock({ $0.redeem(hash, at: now) }) else { throw IdentityRefusal.unknown }
        guard holds(identity) else { throw .revoked }
        return identity
    }

    private enum TicketTag {}
    private enum PlayerTag {}

    // MARK: Parts

    /// Admits as the first of these players that is not taken, where the credential has none yet.
    private func admit(
        _ credential: Credential,
        orCreate candidates: [PlayerID],
        _ family: NewFamily,
        at now: WallTime
    ) async throws -> Admission {
        for candidate in candidates.dropLast() {
            do {
                return try await store.admit(credential, orCreate: candidate, opening: family, at: now)
            } catch AccountRefusal.taken {
                continue
            }
        }
        return try await store.admit(credential, orCreate: candidates.last, opening: family, at: now)
    }

    private static func player(_ id: Identifier<PlayerTag>) -> PlayerID? {
        var text = ByteBuffer(capacity: 26)
        id.append(to: &text)
        return PlayerID(text.bytes)
    }

    /// Whole seconds, as the token says them; never after the login itself.
    private func accessExpires(from now: WallTime, familyEnds: WallTime) -> WallTime {
        let expires = min(now.adding(limits.accessLifetime), familyEnds)
        return WallTime(nanoseconds: expires.seconds * 1_000_000_000)
    }

    private func login(
        _ identity: Identity,
        generation: UInt32,
        _ secret: InlineArray<32, UInt8>,
        refreshExpires: WallTime,
        at now: WallTime
    ) -> Login {
        let refresh = RefreshToken(family: identity.family, generation: generation, secret: secret)
        let issued = Tokens(
            player: identity.player,
            access: tokens.make(identity, named: makeIdentifier(at: now), key: vault.signingKey(at: now), at: now),
            accessExpires: identity.expires,
            refresh: refresh.text(key: vault.renewals),
            refreshExpires: refreshExpires,
            isNew: identity.isNew
        )
        return Login(identity: identity, tokens: issued)
    }
}

extension IdentityRefusal {
    /// What a store's refusal means to whoever wants to be let in. A store that fails in a way of its own is away.
    init(_ error: any Error) {
        switch error as? AccountRefusal ?? .unavailable {
        case .unknown, .lastCredential: self = .unknown
        case .banned(let ban): self = .banned(until: ban.until, reason: ban.reason)
        case .reused: self = .reused
        case .taken, .tooMany, .full, .unavailable: self = .unavailable
        }
    }
}
