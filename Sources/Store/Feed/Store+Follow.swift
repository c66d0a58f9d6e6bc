import Base
import Wire

extension Store {
    /// Hands everything that is committed to somebody, in order and **at least once**, until the task is cancelled.
    ///
    /// The name keeps the place: whoever follows under it, in this process or another one, now or after a crash, goes on
    /// behind what was handled. Of several who follow under one name one is handed things, and the next one when it is gone.
    /// The place moves on after `body` has returned, so what was under way at a crash is handed over again; whatever it does
    /// must bear that.
    ///
    /// A store that is away is waited for. What `body` throws ends the following, with the place where it was.
    ///
    /// - Parameters:
    ///   - name: what the place is kept under.
    ///   - pause: how long it waits when there is nothing new.
    ///   - body: handles a page of the feed.
    /// - Throws: what `body` throws, or a name that cannot be one.
    public func follow(
        _ name: String,
        pause: Duration = .milliseconds(200),
        _ body: ([FeedEntry]) async throws -> Void
    ) async throws {
        var entropy = SystemEntropy()
        let owner = OwnerID(bits: UInt128(entropy.next()) << 64 | UInt128(entropy.next()))
        var follower = FeedFollower(try DocumentKey(hidden: "~cursor", name), owner, limits)
        var failures = 0
        while !Task.isCancelled {
            let page: FeedPage?
            do throws(StoreError) {
                page = try await follower.next(in: self)
                failures = 0
            } catch {
                failures = min(failures + 1, 16)
                try? await Task.sleep(
                    for: min(limits.backoffMin * (1 << failures), limits.backoffMax) * entropy.fraction()
                )
                continue
            }
            guard let page else {
                // Whoever is cancelled while he sleeps is told by the loop.
                try? await Task.sleep(for: pause)
                continue
            }
            do {
                let holder = follower
                async let _ = holder.keep(in: self)
                try await body(page.entries)
            } catch {
                await follower.letGo(of: self)
                throw error
            }
            await follower.handled(page, in: self)
        }
        await follower.letGo(of: self)
    }
}
