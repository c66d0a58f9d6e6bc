import Base
import Gamekeeper
import Reactor
import Wire

/// `gamekeeper config`: what `gamekeeper run` with the same options would run with, and why.
enum ConfigCommand {
    static func run(_ arguments: [String]) -> ExitStatus {
        let configuration: Configuration
        do throws(SettingRefusal) {
            configuration = try ConfigurationReader().read(arguments.filter { $0 != "--json" })
        } catch {
            return .usage("\(error)")
        }
        guard arguments.contains("--json") else {
            StandardStreams.write(configuration.table())
            return judged(configuration)
        }
        var out = ByteBuffer(capacity: 16 << 10)
        do throws(WireError) {
            try configuration.listing().write(.json, to: &out)
        } catch {
            return .failure("\(error)")
        }
        out.append("\n")
        StandardStreams.write(out.bytes)
        return judged(configuration)
    }

    /// A configuration that would not start is listed all the same, and then said to be none.
    private static func judged(_ configuration: Configuration) -> ExitStatus {
        let objections = configuration.objections()
        return objections.isEmpty ? .success : .failure(objections.joined(separator: "\ngamekeeper: "))
    }
}
