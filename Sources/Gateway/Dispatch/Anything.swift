import Base
import Contracts
import Wire

/// A value whose form another declaration gives: the data of a topic, a snapshot. It is carried as it came, and judged by
/// whoever knows what it is.
struct Anything: FieldValue {
    /// Appends it as one whole value.
    let write: EventPayload
    /// As it came, where it was read.
    let received: SharedBytes?

    /// What is written by somebody else.
    init(_ write: @escaping EventPayload) {
        self.write = write
        received = nil
    }

    private init(_ bytes: SharedBytes) {
        received = bytes
        write = { _, output in output.append(bytes.bytes) }
    }

    static func read<Reader: ContractReader & ~Escapable>(_ reader: inout Reader, _ rules: Void) throws(Fault)
        -> Anything
    {
        var bytes = ByteBuffer()
        do throws(WireError) {
            if Reader.format == .protobuf {
                try reader.bytes().copy(to: &bytes)
            } else {
                try Value(reading: &reader).write(Reader.format, to: &bytes)
            }
        } catch {
            throw Fault(.malformed)
        }
        return Anything(SharedBytes(bytes))
    }

    func write<Writer: ContractWriter>(
        _ rules: Void,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        var bytes = ByteBuffer()
        write(Writer.format, &bytes)
        do throws(WireError) {
            try EnvelopeWriter.writeWhole(bytes.bytes, &writer, &output)
        } catch {
            throw Fault(.wrongType)
        }
    }

    /// Calls with such a value have no effects that a key could make happen once, so this form is never kept.
    static func readCanonical(_ reader: inout CanonicalReader, _ rules: Void) throws(Fault) -> Anything {
        var bytes = ByteBuffer()
        bytes.append(try reader.run())
        return Anything(SharedBytes(bytes))
    }

    func writeCanonical(_ rules: Void, to output: inout ByteBuffer) throws(Fault) {
        var bytes = ByteBuffer()
        write(.json, &bytes)
        Canonical.append(unsigned: UInt64(bytes.count), to: &output)
        output.append(bytes.bytes)
    }

    static func shape(_ rules: Void, nesting: Int) -> Shape { .object(ObjectShape(name: "Anything", fields: [])) }
}

extension Message {
    /// Appends one whole value in a format; nothing where it breaks its own rules, which is a fault of ours.
    func append(_ format: WireFormat, to output: inout ByteBuffer) {
        let start = output.count
        do throws(Fault) {
            switch format {
            case .json: try append(JSONWriter(), &output)
            case .messagePack: try append(MessagePackWriter(), &output)
            case .cbor: try append(CBORWriter(), &output)
            case .protobuf: try append(ProtobufWriter(), &output)
            }
        } catch {
            assertionFailure("an answer of ours breaks its own contract: \(error)")
            output.truncate(to: start)
        }
    }

    private func append<Writer: ContractWriter>(_ writer: consuming Writer, _ output: inout ByteBuffer) throws(Fault) {
        try write((), with: &writer, to: &output)
    }
}
