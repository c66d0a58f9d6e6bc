import Base
import Contracts
import Wire

// How an outcome lies in the store: a byte that says which, and then the result in canonical form, or CBOR.
extension StoredOutcome {
    private enum Mark {
        static let answered: UInt8 = 0
        static let refused: UInt8 = 1
    }

    /// The bytes; of what is too large to be kept, those that say so.
    func stored(bytesMax: Int) -> [UInt8] {
        let bytes = encoded
        return bytes.count <= bytesMax ? bytes : OutcomeTable.tooLarge.encoded
    }

    private var encoded: [UInt8] {
        switch self {
        case .answered(let result): return [Mark.answered] + result
        case .refused(let code, let message, let details):
            var buffer = ByteBuffer()
            buffer.append(Mark.refused)
            let all: [Value] = [.int(Int64(code)), .string(message), details ?? .null]
            do throws(WireError) {
                try Value.array(all).write(.cbor, to: &buffer)
            } catch {
                // Details of a game's that cannot be written: the refusal is told again without them.
                return StoredOutcome.refused(code: code, message: message, details: nil).encoded
            }
            return buffer.array()
        }
    }

    /// Reads what lies in the store; `nil` for what is no outcome, which means that it is damaged.
    init?(stored bytes: [UInt8]) {
        switch bytes.first {
        case Mark.answered: self = .answered(Array(bytes.dropFirst()))
        case Mark.refused:
            guard let value = try? unsafe Value(Array(bytes.dropFirst()).span.bytes, as: .cbor),
                case .array(let all) = value, all.count == 3,
                case .int(let number) = all[0], let code = UInt16(exactly: number), case .string(let message) = all[1]
            else { return nil }
            let details: Value? = if case .null = all[2] { nil } else { all[2] }
            self = .refused(code: code, message: message, details: details)
        default: return nil
        }
    }
}
