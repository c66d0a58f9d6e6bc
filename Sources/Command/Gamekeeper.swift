import Reactor

@main struct GamekeeperCommand {
    static func main() {
        let arguments = CommandLine.arguments
        if arguments.count > 1, arguments[1] == "bench" {
            endProcess(status: BenchCommand.run(Array(arguments.dropFirst(2))))
        }
    }
}
