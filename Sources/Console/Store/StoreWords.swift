import Base
import Store

extension ClerkReply.Refusal {
    /// Tells what the store has said.
    init(_ error: StoreError) {
        switch error {
        case .refused(let refusal): self.init(refusal)
        case .failed(.busy): self.init(.away, "the store has too much to do: try again")
        case .failed(.away(let trouble, _)): self.init(.away, "the store is away: \(trouble.words)")
        case .failed(.unknownOutcome(let trouble)):
            self.init(.away, "it is not known whether it was done, look before you do it again: \(trouble.words)")
        case .failed(.closed): self.init(.away, "the store has been closed")
        }
    }

    /// Tells what the store has decided.
    init(_ refusal: StoreRefusal) {
        switch refusal {
        case .badName(let flaw): self.init(.invalid, "a name \(flaw.words)")
        case .badBody(let flaw): self.init(.invalid, "the value \(flaw.words)")
        case .tooLarge(let excess): self.init(.invalid, "too much: \(excess.kind) may be \(excess.max) at most")
        case .namedTwice: self.init(.invalid, "a document is named twice")
        case .conflict(let current?): self.init(.conflict, "the document has version \(current)")
        case .conflict(nil): self.init(.conflict, "there is no such document")
        case .noSuchVersion: self.init(.notFound, "this version is not kept, or is a removal")
        case .notANumber: self.init(.invalid, "the document is not a whole number")
        case .numberOverflow: self.init(.invalid, "the sum does not fit 64 bits")
        case .locked(let holder): self.init(.locked, "it is locked by \(holder.words); --steal takes the lock away")
        case .fenced(let holder?): self.init(.locked, "the lock was taken by \(holder.words)")
        case .fenced(nil): self.init(.locked, "the lock is not ours any more")
        case .outcomeConflict: self.init(.conflict, "the key belongs to another call")
        }
    }
}

extension LockHolder {
    /// Who holds it and for how long, for people.
    var words: String {
        let name = name.isEmpty ? "\(owner)" : name
        return "\(name) for \(max(0, remaining.nanoseconds / 1_000_000_000)) s at least"
    }
}

extension NameFlaw {
    fileprivate var words: String {
        switch self {
        case .empty: "is empty"
        case .tooLong(let max): "has more than \(max) characters"
        case .controlCharacter: "has a control character"
        case .notUTF8: "is not UTF-8"
        case .reserved: "begins with ~: what stands there is Gamekeeper's own"
        }
    }
}

extension BodyFlaw {
    fileprivate var words: String {
        switch self {
        case .notFinite: "has a number that is infinite or none"
        case .tooDeep: "is nested too deep"
        case .malformed, .otherShape, .unwritable: "cannot be stored"
        }
    }
}
