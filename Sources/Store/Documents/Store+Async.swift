public import Base

// For callers that may wait: handlers outside of rooms, commands, tests.
extension Store {
    /// Has a command decided and made durable. In a `trace` that is recorded it is a part of that.
    ///
    /// - Throws: the store's refusal, or why there is no decision.
    public func perform(
        _ command: Command,
        patience: Duration? = nil,
        in trace: TraceContext? = nil
    ) async throws(StoreError) -> Answer {
        let span = metrics?.begin("store \(OperationKind(command).name)", under: trace, at: clock.now())
        do throws(StoreError) {
            let answer = try await decide(command, patience)
            span?.end(at: clock.now(), nil)
            return answer
        } catch {
            span?.end(at: clock.now(), error.code)
            throw error
        }
    }

    private func decide(_ command: Command, _ patience: Duration?) async throws(StoreError) -> Answer {
        try check(command)
        let result: Result<StoreResult, StoreError> = await withCheckedContinuation { continuation in
            do throws(StoreError) {
                try submit(command, for: .body { continuation.resume(returning: .success($0)) }, patience: patience)
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        switch result {
        case .failure(let error): throw error
        case .success(.failure(let fault)): throw .failed(fault)
        case .success(.success(.refused(let refusal))): throw .refused(refusal)
        case .success(.success(let answer)): return answer
        }
    }

    /// Reads. In a `trace` that is recorded it is a part of that.
    ///
    /// - Throws: a refusal of what asks for too much, or why it cannot be read.
    public func read(_ query: Query, in trace: TraceContext? = nil) async throws(StoreError) -> Reading {
        let span = metrics?.begin("store \(QueryKind(query).name)", under: trace, at: clock.now())
        do throws(StoreError) {
            let reading = try await find(query)
            span?.end(at: clock.now(), nil)
            return reading
        } catch {
            span?.end(at: clock.now(), error.code)
            throw error
        }
    }

    private func find(_ query: Query) async throws(StoreError) -> Reading {
        let result: Result<ReadResult, StoreError> = await withCheckedContinuation { continuation in
            do throws(StoreError) {
                try submit(query, for: .body { continuation.resume(returning: .success($0)) })
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        switch result {
        case .failure(let error): throw error
        case .success(.failure(let fault)): throw .failed(fault)
        case .success(.success(let reading)): return reading
        }
    }

    /// A document, or `nil` where there is none.
    ///
    /// - Throws: why it cannot be read. **That is not the same as `nil`**: whoever saves defaults over a document that
    ///   could not be read has lost it.
    public func document(_ key: DocumentKey) async throws(StoreError) -> Document? {
        guard case .documents(let found) = try await read(.documents([key])) else { return nil }
        return found.first ?? nil
    }

    /// Forgets what nobody needs any more: old versions, documents that have expired, outcomes. It goes in small steps with
    /// a pause behind each, so that nobody who writes waits for it, and ends when there is nothing more to forget.
    ///
    /// - Returns: what is gone.
    /// - Throws: why it has ended early; the next call begins anew.
    public func forget(pause: Duration = .milliseconds(10)) async throws(StoreError) -> PruneReport {
        var all = PruneReport()
        repeat {
            let step = PruneStep(from: all.next, rowsMax: limits.pruneRowsPerStep)
            guard case .pruned(let report) = try await perform(.prune(step)) else { return all }
            all.versions += report.versions
            all.documents += report.documents
            all.outcomes += report.outcomes
            all.next = report.next
            // Whoever is cancelled while he pauses goes on to the next step, and is told by it.
            if all.next != nil { try? await Task.sleep(for: pause) }
        } while all.next != nil
        return all
    }

    /// Changes a document by what it is: reads it, has the closure say what becomes of it, and writes that if nobody wrote
    /// in between; else all of it again, at most `updateTriesMax` times.
    ///
    /// The transform gets the document, `nil` where there is none, and gives the change; `nil` leaves it as it is. It may
    /// run several times, so it has no effect of its own.
    ///
    /// - Returns: the new version; `nil` when the closure wanted no change.
    /// - Throws: `conflict` when others wrote first every time; otherwise as `perform` does.
    @discardableResult
    public func update(
        _ key: DocumentKey,
        fence: Fence? = nil,
        _ transform: (Document?) throws(StoreError) -> DocumentChange?
    ) async throws(StoreError) -> Int64? {
        var tries = 0
        while true {
            let before = try await document(key)
            guard let change = try transform(before) else { return nil }
            do throws(StoreError) {
                let answer = try await perform(.write(change.write(key, replacing: before, fence: fence)))
                guard case .written(let receipt) = answer else { return nil }
                return receipt.writes.first?.version
            } catch {
                tries += 1
                guard case .refused(.conflict) = error, tries < limits.updateTriesMax else { throw error }
            }
        }
    }
}

/// What the transform of an update makes of a document.
public struct DocumentChange: Sendable {
    /// What becomes of it.
    public var change: Write.Change
    /// What is written beside it. It replaces what was there.
    public var notes: DocumentNotes
    /// How long it lives.
    public var lifetime: Write.Lifetime

    /// Describes a change.
    public init(_ change: Write.Change, notes: DocumentNotes = .none, lifetime: Write.Lifetime = .unchanged) {
        self.change = change
        self.notes = notes
        self.lifetime = lifetime
    }

    package func write(_ key: DocumentKey, replacing before: Document?, fence: Fence?) -> Write {
        Write(
            key,
            change,
            expected: before.map { .version($0.version) } ?? .absent,
            fence: fence,
            notes: notes,
            lifetime: lifetime
        )
    }
}
