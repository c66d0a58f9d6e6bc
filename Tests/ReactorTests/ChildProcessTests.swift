import Base
import Testing

@testable import Reactor

@Suite struct ChildProcessTests {
    private static let patience = Duration.seconds(600)

    private static func shell(_ script: String, takesInput: Bool = false) throws(ProcessFailure) -> ChildProcess {
        var options = ChildProcess.Options()
        options.takesInput = takesInput
        return try ChildProcess(["/bin/sh", "-c", script], options)
    }

    @Test func `a child is heard line by line, and then no more`() throws {
        var child = try Self.shell("echo one; echo; printf 'two\\nthree'")
        var heard: [String] = []
        while heard.count < 10, let line = try child.line(within: Self.patience) { heard.append(line) }
        // A line without its end is no line.
        #expect(heard == ["one", "", "two"])
    }

    @Test func `a child that takes input hears what is said`() throws {
        var child = try Self.shell("read word; echo \"heard $word\"", takesInput: true)
        child.say("hello")
        let line = try child.line(within: Self.patience)
        #expect(line == "heard hello")
    }

    @Test func `talking to a child that has gone does no harm`() throws {
        var child = try Self.shell("exit 0", takesInput: true)
        let ending = child.wait(within: Self.patience)
        #expect(ending == .exited(0))
        child.say("anybody there?")
    }

    @Test func `the input of a child that takes none is empty`() throws {
        var child = try Self.shell("read word || echo nothing")
        let line = try child.line(within: Self.patience)
        #expect(line == "nothing")
    }

    @Test(arguments: [0, 1, 42, 255]) func `a child's status is known`(status: Int32) throws {
        var child = try Self.shell("exit \(status)")
        let ending = child.wait(within: Self.patience)
        #expect(ending == .exited(status))
        let again = (child.wait(within: .zero), child.stop(patience: .zero))
        #expect(again.0 == ending)
        #expect(again.1 == ending)
    }

    @Test func `a child that says nothing is late`() throws {
        var child = try Self.shell("read forever", takesInput: true)
        var failure: ProcessFailure?
        do { _ = try child.line(within: .milliseconds(5)) } catch { failure = error }
        #expect(failure == .late)
        let ending = child.wait(within: .zero)
        #expect(ending == nil)
    }

    @Test func `a child that is asked to end ends by that signal`() throws {
        var child = try Self.shell("echo ready; read forever", takesInput: true)
        _ = try child.line(within: Self.patience)
        let ending = child.stop(patience: Self.patience)
        #expect(ending == .signalled(15))
    }

    @Test func `a child that will not end is ended`() throws {
        var child = try Self.shell("trap '' TERM; echo ready; while :; do read forever; done", takesInput: true)
        _ = try child.line(within: Self.patience)
        let ending = child.stop(patience: .milliseconds(20))
        #expect(ending == .signalled(9))
    }

    @Test func `letting go of a child ends it`() throws {
        let identifier: Int32
        do {
            var child = try Self.shell("echo ready; read forever", takesInput: true)
            _ = try child.line(within: Self.patience)
            identifier = child.identifier
        }
        #expect(throws: ProcessFailure.unknownProcess(identifier)) { try ProcessUsage(of: identifier) }
    }

    @Test func `a line that is too long is an error, not memory`() throws {
        var child = try Self.shell("head -c 100000 /dev/zero")
        var failure: ProcessFailure?
        do { _ = try child.line(within: Self.patience) } catch { failure = error }
        #expect(failure == .line)
    }

    @Test func `a program that is not there cannot be started`() {
        #expect(throws: ProcessFailure.refused("posix_spawn", 2)) { _ = try ChildProcess(["/there/is/nothing"]) }
        #expect(throws: ProcessFailure.refused("posix_spawn", 2)) { _ = try ChildProcess([]) }
    }

    @Test func `a pinned child has one processor, and its parent keeps all`() throws {
        let before = ProcessUsage.processorsAllowed()
        let processor = try #require(before.last)
        var options = ChildProcess.Options()
        options.processor = processor
        var child = try ChildProcess(["/bin/grep", "Cpus_allowed_list", "/proc/self/status"], options)
        let line = try child.line(within: Self.patience)
        #expect(line?.hasSuffix("\t\(processor)") == true)
        #expect(ProcessUsage.processorsAllowed() == before)
    }

    @Test func `this program's path is a program`() throws {
        let path = try #require(ChildProcess.ownPath())
        #expect(ChildProcess.isProgram(path))
        #expect(!ChildProcess.isProgram("/there/is/nothing"))
    }
}

@Suite struct ProcessUsageTests {
    @Test func `a process uses time, memory and threads`() throws {
        let usage = try ProcessUsage(of: ChildProcess.ownIdentifier)
        #expect(usage.processorTime > .zero)
        #expect(usage.threads >= 1)
        #expect(usage.privateBytes > 0)
        #expect(usage.residentBytes >= usage.privateBytes)
        #expect(try ProcessUsage(of: ChildProcess.ownIdentifier).processorTime >= usage.processorTime)
    }

    @Test func `a name with spaces and parentheses does not shift the fields`() {
        var usage = ProcessUsage()
        let fields = "S 1 2 2 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 7 0 1000 200 300"
        let isTaken = usage.takeStat("42 (a) b (c) \(fields)")
        #expect(isTaken)
        #expect(usage.threads == 7)
        #expect(usage.userTime == usage.systemTime * 5)
        #expect(usage.systemTime > .zero)
    }

    @Test(arguments: ["", "42", "42 (sh) S 1", "42 (sh) S 1 2 2 0 -1 4194560 100 0 0 0 x y 0 0 20 0 7 0 1000 200 300"])
    func `what is no status is not taken`(text: String) {
        var usage = ProcessUsage()
        let isTaken = usage.takeStat(text)
        #expect(!isTaken)
    }

    @Test func `private memory is clean, dirty and swapped pages of one's own`() {
        var usage = ProcessUsage()
        usage.takeRollup(
            """
            55ef7d920000-7fff7bde0000 ---p 00000000 00:00 0                          [rollup]
            Rss:                1780 kB
            Shared_Clean:       1664 kB
            Private_Clean:         4 kB
            Private_Dirty:       112 kB
            Swap:                  8 kB
            SwapPss:               8 kB
            THPeligible:           0

            """
        )
        #expect(usage.residentBytes == 1780 * 1024)
        #expect(usage.privateBytes == 124 * 1024)
    }

    @Test(arguments: [
        ("\t0-1\n", [0, 1]), ("0", [0]), ("0-2,7", [0, 1, 2, 7]), ("3,5-6", [3, 5, 6]), ("", []), ("x", []),
        ("5-2", []),
    ])
    func `the kernel's list of processors is read`(text: String, processors: [Int]) {
        #expect(ProcessUsage.processors(inList: text[...]) == processors)
    }
}
