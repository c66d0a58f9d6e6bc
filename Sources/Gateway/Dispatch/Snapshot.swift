import Base
public import Contracts
import Wire

/// How things stand, for a player who has come back too late to be told everything that he missed.
///
/// It has the form of an event that the contract declares, so that clients know its type.
public struct Snapshot: Sendable {
    let event: String
    let encode: @Sendable (WireFormat, inout ByteBuffer) throws(Fault) -> Void

    /// Says it in the form of an event.
    public init<Payload>(_ event: Event<Payload>, _ payload: Payload) {
        self.event = event.description.name
        encode = { (format, output) throws(Fault) in try event.encode(payload, as: format, to: &output) }
    }
}
