import Base
import Contracts
import Wire

/// What our own calls answer.
enum BuiltIn {
    /// The details of a refusal that names a field of the message.
    static func fault(_ field: String, _ problem: String) -> Value {
        .object(["field": .string(field), "problem": .string(problem)])
    }

    struct Resumed {
        init(_ r: Resumption) {}
        func append(_ format: WireFormat, to output: inout ByteBuffer) { output.append("{}") }
    }
    struct Opened: Sendable {
        init(_ s: Session, grace: Duration, _ contract: ContractDescription, _ hash: String) {}
        func append(_ format: WireFormat, to output: inout ByteBuffer) { output.append("{}") }
    }
}
