import Base
import Console
import Gateway
import Reactor
public import Store

// What outlives the process, and what operators see of it.
extension Assembly {
    /// Opens the store.
    static func store(_ configuration: Configuration, _ telemetry: Telemetry) throws(Failure) -> Store {
        let place = configuration.storePlace
        if place != .memory, let data = configuration.data {
            do throws(FileRefusal) { try Files.makeFolder(data) } catch { throw .data(error) }
        }
        var options = configuration.storeOptions
        do throws(MetricRefusal) { options.metrics = try StoreMetrics(telemetry) } catch { throw .metrics(error) }
        let log = telemetry.log.room("store")
        options.notice = {
            log.write($0.isDanger ? .error : .warning, "the store is in danger", ["reason": .text($0.words)])
        }
        let store: Store
        do throws(StoreTrouble) { store = try Store(place, options) } catch { throw .store(place, error) }
        do throws(MetricRefusal) {
            try StoreMetrics.observe(store, in: telemetry.metrics)
        } catch {
            throw .metrics(error)
        }
        return store
    }

    /// A process whose store is away should be sent no players. The reason is in the log: strangers read this.
    func watchStore() {
        guard let store else { return }
        operations.admin.health.add(check: "store") {
            let report = store.report
            return report.writer.isAway || report.readTrouble != nil ? "is away" : nil
        }
    }

    /// Asks the store something now and then, so that one that is away is noticed before a player notices it.
    static func probe(_ store: Store, _ gate: Gate, every interval: Duration) {
        // A name like any other, which nobody writes.
        guard let key = try? DocumentKey("probe", "probe") else { return }
        let isBusy = Busy()
        gate.server.every(interval) { _ in
            guard isBusy.begin() else { return }
            Task {
                // What has gone wrong is noted below, where it is counted.
                _ = try? await store.read(.lock(key))
                isBusy.end()
            }
        }
    }

    /// What was changed under locks is saved, and the locks are free: whoever starts next has nothing to take over. A store
    /// that is away is waited for no longer than stopping may take; then the leases run out.
    func letGoOfLocks(within time: Duration) {
        guard let store else { return }
        let isOver = Bell()
        Task {
            await store.letGoOfLocks()
            isOver.ring()
        }
        isOver.wait(within: time)
    }

    /// Lets `gamekeeper store` in, where there is a data folder. The game goes on without it.
    func openStoreSocket() -> StoreSocket? {
        guard let store, let folder = configuration.data else { return nil }
        let clerk = StoreClerk(store, at: configuration.storePlace, log: telemetry.log, limits: configuration.limits)
        do throws(StoreSocket.Refusal) {
            return try StoreSocket(in: folder, clerk)
        } catch {
            telemetry.log.room("store").error(
                "operators cannot ask the store while this process runs",
                ["reason": .text(error.words)]
            )
            return nil
        }
    }
}

extension Configuration {
    /// What the store is told beside its place.
    public var storeOptions: StoreOptions {
        var options = StoreOptions()
        options.limits = limits.store
        options.postgres = limits.postgres
        options.ownerName = ThisProcess.name
        options.retention = RetentionRules(standard: limits.store.retention, byStore: retention)
        return options
    }
}
