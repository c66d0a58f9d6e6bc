import Base
import Contracts
import Wire

// How a player stands in his document. Keys are short, because every login writes all of it. What cannot be read is told by
// `nil`, and then nothing is written over it.
extension PlayerRecord {
    var value: Value {
        var object: Value.Object = [
            "player": .string(player.description), "created": .int(created.nanoseconds),
            "seen": .int(seen.nanoseconds),
            "credentials": .array(credentials.map { .array([.string($0.kind.name), .string($0.subject)]) }),
            "families": .array(families.map(\.value)),
        ]
        if roles != .none { object["roles"] = .array(roles.names.map { .string($0) }) }
        if let ban {
            var row: Value.Object = ["reason": .string(ban.reason)]
            if let until = ban.until { row["until"] = .int(until.nanoseconds) }
            object["ban"] = .object(row)
        }
        return .object(object)
    }

    init?(_ value: Value?) {
        guard case .object(let object)? = value, let player = object.text("player").flatMap({ PlayerID($0) }),
            let created = object.time("created"), let seen = object.time("seen")
        else { return nil }
        self.init(player, created: created, seen: seen)
        for row in object.list("credentials") {
            guard case .array(let pair) = row, pair.count == 2, case .string(let kind) = pair[0],
                case .string(let subject) = pair[1], (1...255).contains(subject.utf8.count)
            else { return nil }
            credentials.append(Credential(kind: .init(kind), subject: subject))
        }
        for row in object.list("families") {
            guard let family = Family(row) else { return nil }
            families.append(family)
        }
        roles = Roles(object.list("roles").compactMap { if case .string(let name) = $0 { name } else { nil } })
        if case .object(let row)? = object["ban"] {
            ban = Ban(until: row.time("until"), reason: row.text("reason") ?? "")
        }
    }
}

extension PlayerRecord.Family {
    fileprivate var value: Value {
        var object: Value.Object = [
            "id": .string(id.description), "opened": .int(opened.nanoseconds), "ends": .int(ends.nanoseconds),
            "used": .int(used.nanoseconds), "expires": .int(expires.nanoseconds),
            "generation": .int(Int64(generation)), "current": .bytes(current),
        ]
        if let exchanged {
            object["exchanged"] = .object([
                "token": .bytes(exchanged.token), "generation": .int(Int64(exchanged.generation)),
                "at": .int(exchanged.at.nanoseconds),
            ])
        }
        return .object(object)
    }

    fileprivate init?(_ value: Value) {
        guard case .object(let object) = value, let id = object.text("id").flatMap(FamilyID.read),
            let opened = object.time("opened"), let ends = object.time("ends"), let used = object.time("used"),
            let expires = object.time("expires"), let generation = object.generation,
            case .bytes(let current)? = object["current"]
        else { return nil }
        self.init(id: id, opened: opened, ends: ends, used: used, expires: expires, current: current)
        self.generation = generation
        guard case .object(let last)? = object["exchanged"] else { return }
        guard case .bytes(let token)? = last["token"], let before = last.generation, let at = last.time("at") else {
            return nil
        }
        exchanged = PlayerRecord.Exchange(token: token, generation: before, at: at)
    }
}

extension Value.Object {
    fileprivate func text(_ key: String) -> String? { if case .string(let text)? = self[key] { text } else { nil } }

    fileprivate func time(_ key: String) -> WallTime? {
        if case .int(let nanoseconds)? = self[key] { WallTime(nanoseconds: nanoseconds) } else { nil }
    }

    fileprivate func list(_ key: String) -> [Value] { if case .array(let values)? = self[key] { values } else { [] } }

    fileprivate var generation: UInt32? {
        if case .int(let number)? = self["generation"] { UInt32(exactly: number) } else { nil }
    }
}

extension FamilyID {
    /// Reads the text of one that we have written.
    fileprivate static func read(_ text: String) -> FamilyID? {
        let bytes = Array(text.utf8)
        return try? unsafe FamilyID(text: bytes.span.bytes)
    }
}
