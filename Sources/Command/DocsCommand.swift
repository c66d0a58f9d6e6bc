import Base
import Contracts
import Gamekeeper
import Gateway
import Reactor

/// `gamekeeper docs`: everything that a contract says to people and programs outside, as files.
enum DocsCommand {
    static func run(_ arguments: [String], _ games: [any Game.Type]) -> ExitStatus {
        var rest = arguments[...]
        var folder: String?
        var name: String?
        while let word = rest.popFirst() {
            switch word {
            case "--out":
                guard let path = rest.popFirst() else { return .usage("--out needs a folder") }
                folder = path
            case _ where !word.hasPrefix("-") && name == nil: name = word
            default: return .usage("docs does not know \(word)")
            }
        }
        guard let folder else { return .usage("say where to write: gamekeeper docs GAME --out DIR") }
        let game = if let name { games.first { $0.name == name } } else { games.first }
        guard let game else {
            return .usage("there is no such game; known: \(games.map { $0.name }.joined(separator: ", "))")
        }
        return write(Export(Gate.description(of: game.contract)), to: folder)
    }

    private static func write(_ export: Export, to folder: String) -> ExitStatus {
        do throws(FileRefusal) {
            try Files.makeFolder(folder)
            for file in export.files {
                var bytes = ByteBuffer()
                bytes.append(utf8: file.text)
                try Files.replace("\(folder)/\(file.name)", with: bytes.bytes)
                StandardStreams.write("\(folder)/\(file.name)\n")
            }
            return .success
        } catch {
            return .failure("\(error)")
        }
    }
}
