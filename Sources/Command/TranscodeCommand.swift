import Base
import Reactor
import Wire

/// `gamekeeper transcode`: one message from one format to another.
enum TranscodeCommand {
    private static let inputBytesMax = 256 << 20

    static func run(_ arguments: [String]) -> ExitStatus {
        var from: WireFormat?
        var to: WireFormat?
        var rest = arguments[...]
        while let option = rest.popFirst() {
            guard let name = rest.popFirst(), let format = WireFormat(rawValue: name), format != .protobuf else {
                return .usage("\(option) needs json, msgpack or cbor")
            }
            switch option {
            case "--from": from = format
            case "--to": to = format
            default: return .usage("there is no option \(option)")
            }
        }
        guard let from, let to else { return .usage("transcode needs --from and --to") }
        guard let input = StandardStreams.readAll(bytesMax: inputBytesMax) else {
            return .failure("the input has more than \(inputBytesMax >> 20) MiB")
        }
        var output = ByteBuffer()
        do throws(WireError) {
            try Transcoder.transcode(from: from, to: to, input: input.bytes, output: &output)
        } catch {
            return .failure("\(error)")
        }
        StandardStreams.write(output.bytes)
        return .success
    }
}
