import Base
import Contracts
import Wire

/// A message that breaks the rules of the wire rather than those of a call: what stands around the params.
struct Breach: Sendable {
    let name: String
    let format: WireFormat
    let bytes: [UInt8]
    /// The codes with which it may be refused.
    var codes: Set<String> = []
    /// The codes with which the connection may be closed.
    var closes: Set<Int> = []
    /// Whether it may also be passed over in silence, with the connection going on.
    var mayBeIgnored = false

    /// Every breach that a game has to stand. Those that stand around a call stand around a good one, so that nothing but
    /// the breach can be refused.
    static func all(_ call: CallDescription, messageBytesMax: Int = 1 << 20) -> [Breach] {
        let method = call.name
        let params = String(decoding: AttackCorpus.goodParams(call).encoded(.json) ?? [], as: UTF8.self)
        return envelopes(method, params) + batches(method) + garbage + [
            Breach(
                name: "a message above the limit",
                format: .json,
                bytes: Array(repeating: UInt8(ascii: " "), count: messageBytesMax + 1),
                // Who still sends when he is cut may not get to read why.
                closes: [1009, 4400, 1006]
            ),
            Breach(
                name: "two hundred lists within one another",
                format: .json,
                bytes: text(
                    #"{"type":"rpc","id":1,"method":"\#(method)","params":{"a":"#
                        + String(repeating: "[", count: 200) + String(repeating: "]", count: 200) + "}}"
                ),
                codes: ["INVALID_ARGUMENT"],
                closes: [4400]
            ),
        ]
    }

    /// What came of it, judged.
    func verdict(of answer: AuditAnswer) -> AuditJudge.Verdict {
        switch answer {
        case .refused(let refused) where refused.code == "INTERNAL" || refused.code == "DATA_LOSS":
            .finding(.internalError)
        case .refused(let refused): codes.contains(refused.code) ? .good : .finding(.wrongCode)
        case .closed(let code): closes.contains(code) ? .good : .finding(.closed)
        case .result: mayBeIgnored ? .good : .finding(.accepted)
        case .silence: .finding(.silent)
        }
    }

    private static func envelopes(_ method: String, _ params: String) -> [Breach] {
        let body = #""method":"\#(method)","params":\#(params)"#
        let good = #""type":"rpc","id":1,\#(body)"#
        let long = String(repeating: "k", count: 65)
        let refused: [(String, String)] = [
            ("an unknown field of the envelope", #"{\#(good),"admin":true}"#), ("no method", #"{"type":"rpc","id":1}"#),
            ("a method that is a number", #"{"type":"rpc","id":1,"method":7}"#),
            ("the method twice", #"{\#(good),"method":"\#(method)"}"#),
            ("a number below 0", #"{"type":"rpc","id":-1,\#(body)}"#),
            ("a number that is a text", #"{"type":"rpc","id":"1",\#(body)}"#),
            ("a number with a fraction", #"{"type":"rpc","id":1.5,\#(body)}"#),
            ("a number above 2^53", #"{"type":"rpc","id":9007199254740992,\#(body)}"#),
            ("no type", #"{"id":1,\#(body)}"#), ("an unknown type", #"{"type":"admin","id":1}"#),
            ("an event from a client", #"{"type":"event","event":"x","data":{}}"#),
            ("an empty key", #"{\#(good),"key":""}"#), ("a key too long", #"{\#(good),"key":"\#(long)"}"#),
            ("a deadline below 0", #"{\#(good),"deadline_ms":-5}"#), ("a seq below 0", #"{\#(good),"seq":-5}"#),
        ]
        return refused.map {
            Breach(name: $0, format: .json, bytes: text($1), codes: ["INVALID_ARGUMENT"], closes: [4400])
        } + [
            Breach(
                name: "a method that nobody declared",
                format: .json,
                bytes: text(#"{"type":"rpc","id":1,"method":"no.such_method"}"#),
                codes: ["UNKNOWN_METHOD"]
            ),
            Breach(
                name: "an answer to nothing that was asked",
                format: .json,
                bytes: text(#"{"type":"response","id":99,"result":{}}"#),
                codes: ["INVALID_ARGUMENT"],
                closes: [4400],
                mayBeIgnored: true
            ),
            Breach(
                name: "an ack of what was never sent",
                format: .json,
                bytes: text(#"{"type":"ack","seq":4000000000}"#),
                codes: ["INVALID_ARGUMENT"],
                closes: [4400],
                mayBeIgnored: true
            ),
        ]
    }

    private static func batches(_ method: String) -> [Breach] {
        let item = #"{"type":"rpc","method":"\#(method)","seq":1}"#
        let many = "[" + Array(repeating: #"{"type":"ack","seq":0}"#, count: 65).joined(separator: ",") + "]"
        return [
            Breach(
                name: "an empty batch",
                format: .json,
                bytes: text("[]"),
                codes: ["INVALID_ARGUMENT"],
                closes: [4400]
            ),
            Breach(
                name: "a batch of 65",
                format: .json,
                bytes: text(many),
                codes: ["INVALID_ARGUMENT"],
                closes: [4400]
            ),
            Breach(
                name: "a batch within a batch",
                format: .json,
                bytes: text("[[\(item)]]"),
                codes: ["INVALID_ARGUMENT"],
                closes: [4400]
            ),
            // The second one is dropped, and neither is answered whatever it holds.
            Breach(
                name: "the same seq twice",
                format: .json,
                bytes: text("[\(item),\(item)]"),
                codes: ["INVALID_ARGUMENT"],
                mayBeIgnored: true
            ),
        ]
    }

    private static var garbage: [Breach] {
        let texts: [(String, [UInt8])] = [
            ("no JSON", text("{{{")), ("half a JSON", text(#"{"type":"rpc","id":1,"method":"a"#)),
            ("a comma too many", text(#"{"type":"ping","t":1,}"#)), ("NaN in JSON", text(#"{"type":"ping","t":NaN}"#)),
            ("two values", text(#"{"type":"ping","t":1} {}"#)), ("an empty message", []),
        ]
        let binary: [(String, WireFormat, [UInt8])] = [
            ("a reserved byte", .messagePack, [0xC1]),
            ("a map of four billion", .messagePack, [0xDF, 255, 255, 255, 255]),
            ("a text without an end", .cbor, [0xA1, 0x7F, 0x61]),
            ("a list of 2^64", .cbor, [0x9B] + Array(repeating: 255, count: 8)),
            ("a length of 2^63", .protobuf, [0x1A] + Array(repeating: 255, count: 8) + [0x7F]),
            ("a group", .protobuf, [0x0B, 0x0C]), ("an empty message", .messagePack, []),
            ("an empty message", .cbor, []),
        ]
        let all = texts.map { ($0, WireFormat.json, $1) } + binary
        return all.map { name, format, bytes in
            Breach(name: name, format: format, bytes: bytes, codes: ["INVALID_ARGUMENT"], closes: [4400, 1007])
        }
    }

    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }
}
