import Base
import Contracts
import Wire

// A call with every kind of field, in all four formats and in canonical form. The first byte chooses which one the rest of
// the input is.

enum Stance: String, Choice { case low, high, flying }

struct Item: Message {
    var name: String
    var count: Int
    var tags: [String]
    static let fields = Fields(
        Item.init,
        .string("name", \.name, 1...8, .identifier),
        .int("count", \.count, 1...99),
        .array("tags", \.tags, 0...2, of: .string("tag", 1...4, .only("abäö")))
    )
}

struct Scalars: Message {
    var flag: Bool
    var large: Int64
    var power: Double
    var text: String
    var stance: Stance
    var blob: Bytes
    var player: PlayerID
    var at: Timestamp
    static let fields = Fields(
        Scalars.init,
        .bool("flag", \.flag),
        .int64("large", \.large),
        .number("power", \.power, 0...1),
        .string("text", \.text, 0...10, .line),
        .choice("stance", \.stance),
        .bytes("blob", \.blob, 0...4),
        .player("player", \.player),
        .timestamp("at", \.at)
    )
}

struct Everything: Message {
    var numbers: [Double]
    var items: [Item]
    var scores: [String: Int]
    var note: String?
    var place: Vector3
    var aim: Vector2
    var room: RoomID?
    var scalars: Scalars?
    static let fields = Fields(
        Everything.init,
        .array("numbers", \.numbers, 0...5, of: .anyNumber("n")),
        .array("items", \.items, 0...3, of: .object("item")),
        .map("scores", \.scores, 0...3, of: .int("score"), nameLengthMax: 5),
        .optional(\.note, .string("note", 1...5)),
        .vector3("place", \.place, -100...100),
        .vector2("aim", \.aim),
        .optional(\.room, .room("room")),
        .optional(\.scalars, .object("scalars"))
    )
}

final class Nobody {}

let contract = Contract<Nobody>("fuzz", version: "1") {
    Call("everything", Everything.self) { (_: Nobody, all: Everything) in all }
}

/// Judges one input; a broken promise traps.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0, let call = contract.call(named: "everything") else { return 0 }
    var input = ByteBuffer()
    input.append(copying: UnsafeRawBufferPointer(start: start + 1, count: count - 1))
    let choice = Int(start.pointee % 5)
    if choice == 4 {
        checkCanonical(call, input)
    } else {
        checkFormat(call, WireFormat.allCases[choice], input)
    }
    return 0
}

/// What is read in canonical form is written with the same bytes.
func checkCanonical(_ call: CompiledCall<Nobody>, _ input: borrowing ByteBuffer) {
    var output = ByteBuffer()
    guard case .answered = call.runCanonical(input.bytes, Nobody(), into: &output) else { return }
    precondition(output.array() == input.array(), "a value has two canonical forms")
}

/// What is read in a format has one canonical form, and comes back from every format that can hold it.
func checkFormat(_ call: CompiledCall<Nobody>, _ format: WireFormat, _ input: borrowing ByteBuffer) {
    var form = ByteBuffer()
    guard (try? call.canonicalParams(format, input.bytes, to: &form)) != nil else {
        precondition(form.isEmpty, "a refused call left bytes behind")
        var answer = ByteBuffer()
        guard case .refused(let refusal) = call.run(format, input.bytes, Nobody(), into: &answer) else {
            preconditionFailure("refused in one way and not in the other")
        }
        precondition(refusal.code == .invalidArgument && !refusal.message.isEmpty && refusal.details != nil)
        return
    }
    checkCanonical(call, form)
    for other in WireFormat.allCases {
        var message = ByteBuffer()
        guard (try? call.writeParams(canonical: form.bytes, as: other, to: &message)) != nil else {
            // JSON has no NaN and no infinities.
            precondition(other == .json)
            continue
        }
        var again = ByteBuffer()
        do throws(Refusal) {
            try call.canonicalParams(other, message.bytes, to: &again)
        } catch {
            preconditionFailure("what was written is not read: \(error)")
        }
        precondition(again.array() == form.array(), "another value came back")
    }
}

/// The leak sanitizer does not see that the contract, which lives as long as the process, holds its shapes and the refusals
/// it tells again (one a field and problem): Swift keeps the case of an indirect enum in spare bits of the pointer.
/// Everything else that leaks is still found.
@_cdecl("__lsan_default_suppressions")
public func suppressions() -> UnsafePointer<UInt8> {
    let text: StaticString = "leak:5shape\nleak:12CompiledCallC9completed\n"
    return text.utf8Start
}
