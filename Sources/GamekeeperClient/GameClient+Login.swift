import Base
import Wire

// How the server comes to know us, and goes on to.
extension GameClient {
    /// What a login gives.
    struct Tokens: Sendable {
        var access: String?
        var refresh: String?
        /// When the access token ends, in milliseconds since 1970 by the server's clock.
        var accessExpires: Int64?
    }

    /// Makes the server know us on a new socket: the old session if there is one, else a new login.
    func enter(_ mine: Int) async {
        do throws(CallFailure) {
            if try await resume() { return }
            try await logIn()
            guard mine == turn, socket != nil else { return }
            guard seat != nil else { throw .notSent("the server has opened no session") }
            entered(resumed: false, recovered: false)
        } catch {
            guard mine == turn, socket != nil, !error.maybeApplied else { return drop() }
            if !error.retry, error.code != "INTERNAL" { return end(error) }
            pause = max(pause, error.retryAfter ?? .zero)
            drop()
        }
    }

    private func resume() async throws(CallFailure) -> Bool {
        guard let seat else { return false }
        let params: Value = .object([
            "token": .string(seat.resumeToken), "epoch": .uint(UInt64(hearing.epoch)), "seq": .uint(hearing.seq),
        ])
        do throws(CallFailure) {
            _ = try await ask("session.resume", params)
            return true
        } catch {
            if error.retry { throw error }
            self.seat = nil  // it is over; a new one begins
            return false
        }
    }

    private func logIn() async throws(CallFailure) {
        switch options.login {
        case .guest(let secret):
            keep(try await ask("auth.guest", .object(["device_secret": .string(secret)])))
        case .token:
            if tokens?.access == nil { try await renew() }
            do throws(CallFailure) {
                try await present()
            } catch {
                guard error.code == "UNAUTHENTICATED", tokens?.refresh != nil else { throw error }
                try await renew()
                try await present()
            }
        }
    }

    private func present() async throws(CallFailure) {
        guard let access = tokens?.access else { throw CallFailure("UNAUTHENTICATED", "there is no access token") }
        _ = try await ask("auth.token", .object(["access_token": .string(access)]))
    }

    private func renew() async throws(CallFailure) {
        guard let refresh = tokens?.refresh else { throw CallFailure("UNAUTHENTICATED", "there is no refresh token") }
        keep(try await ask("auth.refresh", .object(["refresh_token": .string(refresh)])))
    }

    private func keep(_ answer: Value) {
        guard let access = answer["access_token"]?.text else { return }
        tokens = Tokens(
            access: access,
            refresh: answer["refresh_token"]?.text,
            accessExpires: answer["access_expires_ms"]?.whole
        )
    }

    /// A session begins; the server tells so before it answers the login.
    func opened(_ told: Value) {
        guard let session = told["session_id"]?.text, let player = told["player_id"]?.text,
            let token = told["resume_token"]?.text
        else { return }
        if seat?.session != session {
            hearing.begin(epoch: UInt32(clamping: told["epoch"]?.whole ?? 1), after: 0)
        }
        seat = Seat(session: session, player: player, resumeToken: token)
    }

    /// The session is ours again. Runs before the next message is looked at: that may be an event that was missed.
    func resumed(_ told: Value) {
        let recovered = told["recovered"] == .bool(true)
        if let token = told["resume_token"]?.text { seat?.resumeToken = token }
        if !recovered {
            hearing.begin(
                epoch: UInt32(clamping: told["epoch"]?.whole ?? 1),
                after: UInt64(clamping: told["seq"]?.whole ?? 0)
            )
        }
        entered(resumed: true, recovered: recovered)
        if let snapshot = told["snapshot"], snapshot != .null { listeners.deliverSnapshot(snapshot) }
    }

    private func entered(resumed: Bool, recovered: Bool) {
        attempt = 0
        change(.open(resumed: resumed, recovered: recovered))
        for waiter in waiters { waiter.resume(returning: .success(())) }
        waiters = []
        for call in calls.takeSendable() { send(call) }
        if !recovered { subscribeAgain() }
        scheduleRefresh()
        later(.ping, .zero) { $0.ping(early: 3) }
    }

    // MARK: Later

    /// Does something after a while, on this connection and no other.
    func later(_ chore: Chore, _ delay: Duration, _ body: @escaping @Sendable (isolated GameClient) async -> Void) {
        chores[chore]?.cancel()
        chores[chore] = Task { [weak self] in
            guard (try? await Task.sleep(for: delay)) != nil, !Task.isCancelled, let self else { return }
            await body(self)
        }
    }

    /// A refresh token works once, so it is used early and by one call at a time.
    private func scheduleRefresh() {
        guard let tokens, tokens.refresh != nil, let expires = tokens.accessExpires else { return }
        let left = Double(expires) - (Wall.milliseconds() + clockOffset)
        later(.refresh, .milliseconds(Int64(max(left * 0.8, 0)))) { client in
            guard client.isOpen else { return }
            do throws(CallFailure) {
                try await client.renew()
                client.scheduleRefresh()
            } catch {
                // The server closes the socket when the token is over, and the login is then done anew.
            }
        }
    }

    private func ping(early left: Int) {
        guard isOpen else { return }
        var ping = Outgoing("ping")
        ping.clock = Wall.milliseconds()
        write(ping)
        later(.ping, left > 0 ? .milliseconds(150) : options.pingInterval) { $0.ping(early: max(0, left - 1)) }
    }
}
