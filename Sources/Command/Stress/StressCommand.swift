import Reactor

/// `gamekeeper stress`: the operator's own proof that what was acknowledged is kept, on his machine and his disks.
enum StressCommand {
    static func run(_ arguments: [String]) -> ExitStatus {
        guard arguments.first == "store" else { return .usage("what is to be stressed?\n\(StressOptions.usage)") }
        let options: StressOptions
        do throws(StressOptions.Misunderstood) {
            options = try StressOptions(Array(arguments.dropFirst()))
        } catch {
            return .usage("stress does not know what \(error.argument) is\n\(StressOptions.usage)")
        }
        guard let program = ChildProcess.ownPath() else { return .failure("the path of this program is unknown") }
        do throws(StressFailure) {
            var run = try StressRun(options, program: program)
            let report = try run.run { StandardStreams.write($0) }
            for breach in report.verdict.breaches {
                StandardStreams.write("BROKEN (\(breach.promise.rawValue)): \(breach.text)\n")
            }
            StandardStreams.write(report.isSound ? "every promise was kept\n" : "a promise was broken\n")
            return ExitStatus(code: report.isSound ? 0 : 1)
        } catch {
            return .failure(error.text)
        }
    }
}
