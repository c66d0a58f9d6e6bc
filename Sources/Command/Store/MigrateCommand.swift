import Base
import Gamekeeper
import Reactor
import Store

/// `gamekeeper migrate`: brings the store to the schema of this Gamekeeper, or tells what that would do.
enum MigrateCommand {
    static func run(_ arguments: [String]) -> ExitStatus {
        let isDry = arguments.contains("--dry-run")
        let configuration: Configuration
        do throws(SettingRefusal) {
            configuration = try ConfigurationReader().read(arguments.filter { $0 != "--dry-run" })
        } catch {
            return .usage("\(error)")
        }
        return run(configuration, isDry: isDry) { StandardStreams.write($0) }
    }

    static func run(_ configuration: Configuration, isDry: Bool, _ write: (String) -> Void) -> ExitStatus {
        let place = configuration.storePlace
        if place == .memory {
            write("the store is in memory: there is nothing to migrate\n")
            return .success
        }
        do throws(StoreTrouble) {
            let options = configuration.storeOptions
            let schema: StoreSchema
            if isDry {
                schema = try StoreSchema.look(at: place, options)
            } else {
                if let data = configuration.data, configuration.store == nil {
                    do throws(FileRefusal) { try Files.makeFolder(data) } catch { return .failure("\(error)") }
                }
                schema = try StoreSchema.migrate(place, options)
            }
            write(text(schema, place, isDry: isDry))
            return .success
        } catch {
            let hint = error == .inUse ? "; stop it first (a server migrates by itself when it starts)" : ""
            return .failure("\(place): \(error.words)\(hint)")
        }
    }

    private static func text(_ schema: StoreSchema, _ place: StorePlace, isDry: Bool) -> String {
        let found = schema.found == 0 ? "has nothing yet" : "has schema \(schema.found)"
        var text = "\(place) \(found); this Gamekeeper has schema \(schema.known)\n"
        if schema.due.isEmpty { return text + "nothing to do\n" }
        for step in schema.due {
            text += isDry ? "would make migration \(step.number):\n" : "made migration \(step.number)\n"
            if isDry { for statement in step.statements { text += indented(statement) } }
        }
        return text
    }

    private static func indented(_ text: String) -> String {
        text.split(separator: "\n").map { "    \($0)\n" }.joined()
    }
}
