import Base
import CSQLite

/// A disk that fails when it is told to, for tests of what is durable and for benches of slow disks.
///
/// Proof of `@safe` and `@unchecked Sendable`: the pointer is made by `init` and freed by `deinit`; what it points to has
/// a mutex of its own. Whoever opens files on it holds it until they are closed.
@safe package final class FaultDisk: @unchecked Sendable {
    private let disk: OpaquePointer
    /// The name under which SQLite knows it.
    package let name: String
    /// What our files are on, above it.
    let log: LogDisk

    /// What can be made to fail.
    package enum Operation: Int32, CaseIterable, Sendable {
        case open = 0
        case read = 1
        case write = 2
        case sync = 3
    }

    /// Makes a disk. The name is nobody else's.
    package init(_ name: String) {
        LogDisk.prepareSQLite
        guard let disk = unsafe gamekeeper_disk_make(name) else { preconditionFailure("there is no memory for a disk") }
        unsafe self.disk = unsafe disk
        self.name = name
        log = LogDisk(over: name)
    }

    // Nothing is opened on the layer above any more, and it does not look below when it goes.
    deinit { unsafe gamekeeper_disk_free(disk) }

    /// Fails the Nth operation of a kind from now on, and all that follow if it lasts.
    package func fail(_ operation: Operation, nth: Int = 1, lasting: Bool = false) {
        let code = operation == .open ? SQLITE_CANTOPEN : SQLITE_IOERR
        unsafe gamekeeper_disk_fail(disk, operation.rawValue, Int64(nth), code, lasting ? 1 : 0)
    }

    /// Fails nothing any more.
    package func heal() {
        for operation in Operation.allCases {
            unsafe gamekeeper_disk_fail(disk, operation.rawValue, 0, SQLITE_OK, 0)
        }
        unsafe gamekeeper_disk_set_room(disk, -1)
    }

    /// How many operations of a kind there were.
    package func count(_ operation: Operation) -> Int { unsafe Int(gamekeeper_disk_count(disk, operation.rawValue)) }

    /// How many bytes may still be written before it is full.
    package func leaveRoom(for bytes: Int) { unsafe gamekeeper_disk_set_room(disk, Int64(bytes)) }

    /// How long each sync takes in addition.
    package func slowSyncs(by delay: Duration) { unsafe gamekeeper_disk_set_sync_delay(disk, delay.nanoseconds) }

    /// Remembers from now on what is written and not synced.
    package func remember() { unsafe gamekeeper_disk_remember(disk) }

    /// Says from now on that it has synced, and has not: what a test must notice to be worth anything.
    package func lie() { unsafe gamekeeper_disk_lie(disk) }

    /// Fails everything from now on.
    package func cutPower() { unsafe gamekeeper_disk_cut_power(disk) }

    /// Makes the files what was on the disk when the power went, and turns it on. Every connection is closed by then.
    ///
    /// - Parameter seed: 0 forgets everything that was not synced; with another one some of it stays and some is torn.
    /// - Returns: how many writes were forgotten; `nil` when a file could not be changed.
    package func forgetUnsynced(seed: UInt64) -> Int? {
        let count = unsafe gamekeeper_disk_forget(disk, seed)
        return count < 0 ? nil : Int(count)
    }
}
