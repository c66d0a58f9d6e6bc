import Base
import Reactor
import Synchronization

extension Store {
    /// What a check has found.
    public struct CheckReport: Sendable, Equatable {
        /// Documents that were looked at.
        public var documents = 0
        /// Versions and events that were looked at.
        public var logRows = 0
        /// Whether the file itself was read whole, beside what stands in it.
        public var readsFile = false
        /// What is wrong, a sentence each; more than `flawsMax` are counted only.
        public var flaws: [String] = []
        /// How many there are.
        public var flawCount = 0

        /// Flaws that are told: past it somebody restores a backup.
        public static let flawsMax = 100

        mutating func add(_ found: [String]) {
            flawCount += found.count
            flaws += found.prefix(max(0, Self.flawsMax - flaws.count))
        }
    }

    /// Looks through everything that is stored, in small steps beside the work: whether each document leads to its newest
    /// version and each version to the one before, and for a file whether its pages are whole. It takes as long as reading
    /// everything does.
    ///
    /// - Throws: why it cannot be read.
    public func check() async throws(StoreError) -> CheckReport {
        var report = CheckReport()
        var cursor: CheckCursor?
        repeat {
            guard case .check(let page) = try await read(.check(from: cursor, max: limits.rowsPerPageMax)) else {
                break
            }
            report.documents += page.documents
            report.logRows += page.logRows
            report.add(page.flaws)
            cursor = page.next
        } while cursor != nil
        guard let examineFile else { return report }
        let found: Result<[String], StoreTrouble> = await withCheckedContinuation { continuation in
            Thread(named: "store check") {
                do throws(StoreTrouble) {
                    continuation.resume(returning: .success(try examineFile()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }.detach()
        }
        report.readsFile = true
        switch found {
        case .success(let flaws): report.add(flaws)
        case .failure(let trouble): report.add([trouble.words])
        }
        return report
    }
}
