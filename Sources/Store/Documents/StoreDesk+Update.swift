import Base

extension StoreDesk {
    /// How an update ended: the new version, or `nil` when the transform wanted no change.
    public typealias UpdateResult = Result<Int64?, StoreError>

    /// Changes a document by what it is, as `Store.update` does, on this loop.
    ///
    /// - Throws: why the first read was not taken; `then` is not called.
    public func update(
        _ key: DocumentKey,
        fence: Fence? = nil,
        _ transform: @escaping (Document?) -> DocumentChange?,
        then: @escaping (UpdateResult) -> Void
    ) throws(StoreError) {
        try attempt(Update(key: key, fence: fence, transform: transform, then: then), tries: 1)
    }

    private struct Update {
        let key: DocumentKey
        let fence: Fence?
        let transform: (Document?) -> DocumentChange?
        let then: (UpdateResult) -> Void
    }

    private func attempt(_ update: Update, tries: Int) throws(StoreError) {
        try read(.documents([update.key])) { [self] result in
            switch result {
            case .failure(let fault): update.then(.failure(.failed(fault)))
            case .success(.documents(let found)): write(update, found.first ?? nil, tries: tries)
            case .success: preconditionFailure("documents were asked for")
            }
        }
    }

    private func write(_ update: Update, _ before: Document?, tries: Int) {
        guard let change = update.transform(before) else { return update.then(.success(nil)) }
        do throws(StoreError) {
            try submit(.write(change.write(update.key, replacing: before, fence: update.fence))) { [self] result in
                written(update, result, tries: tries)
            }
        } catch {
            update.then(.failure(error))
        }
    }

    private func written(_ update: Update, _ result: StoreResult, tries: Int) {
        switch result {
        case .failure(let fault): update.then(.failure(.failed(fault)))
        case .success(.written(let receipt)): update.then(.success(receipt.writes.first?.version))
        case .success(.refused(.conflict)) where tries < store.limits.updateTriesMax:
            do throws(StoreError) { try attempt(update, tries: tries + 1) } catch { update.then(.failure(error)) }
        case .success(.refused(let refusal)): update.then(.failure(.refused(refusal)))
        case .success: preconditionFailure("a write was asked for")
        }
    }
}
