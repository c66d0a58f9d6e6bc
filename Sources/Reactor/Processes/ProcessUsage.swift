import CLinux
import Glibc

/// What a process has used of the machine, as far as the kernel tells.
public struct ProcessUsage: Equatable, Sendable {
    /// Processor time of all its threads, in user space and in the kernel, up to now.
    public var processorTime = Duration.zero
    /// How much of it was in user space: counted in ticks, so it is coarse (10 ms).
    public var userTime = Duration.zero
    /// How much of it was in the kernel, as coarse.
    public var systemTime = Duration.zero
    /// Memory that belongs to this process alone: its heap, stacks and changed pages. Nothing of the kernel's.
    public var privateBytes = 0
    /// Memory that it has in front of it, shared or not.
    public var residentBytes = 0
    /// How many threads it has.
    public var threads = 0

    /// Nothing used.
    public init() {}

    /// Looks at a process.
    ///
    /// - Throws: `ProcessFailure.unknownProcess` when it has gone or is not ours to look at.
    public init(of process: Int32) throws(ProcessFailure) {
        guard let stat = Self.contents(of: "/proc/\(process)/stat"), takeStat(stat),
            let rollup = Self.contents(of: "/proc/\(process)/smaps_rollup")
        else { throw .unknownProcess(process) }
        takeRollup(rollup)
        // The process's clock counts all threads to the nanosecond; schedstat would count the first thread only.
        var clock = clockid_t()
        var time = timespec()
        guard clock_getcpuclockid(process, &clock) == 0, clock_gettime(clock, &time) == 0 else {
            throw .unknownProcess(process)
        }
        processorTime = .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// The processors that this process may use, in order.
    public static func processorsAllowed() -> [Int] {
        guard let status = contents(of: "/proc/self/status"),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed_list:") })
        else { return [0] }
        return processors(inList: line.dropFirst("Cpus_allowed_list:".count))
    }

    /// Reads the kernel's notation for a list: `0-2,7`.
    static func processors(inList text: Substring) -> [Int] {
        text.split(separator: ",").flatMap { range -> [Int] in
            let ends = range.split(separator: "-").compactMap { Int($0.filter { $0.isNumber }) }
            guard let first = ends.first, let last = ends.last, first <= last, last < 65_536 else { return [] }
            return Array(first...last)
        }
    }

    /// Takes over what `/proc/PID/stat` says. False when it is not of that form.
    mutating func takeStat(_ text: String) -> Bool {
        // The name, in parentheses, may hold anything, parentheses and spaces too; the fields begin after the last one.
        guard let end = text.lastIndex(of: ")") else { return false }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 17, let user = Int64(fields[11]), let system = Int64(fields[12]),
            let count = Int(fields[17])
        else { return false }
        let ticks = max(1, Int64(sysconf(Int32(_SC_CLK_TCK))))
        userTime = .nanoseconds(user &* (1_000_000_000 / ticks))
        systemTime = .nanoseconds(system &* (1_000_000_000 / ticks))
        threads = count
        return true
    }

    /// Takes over what `/proc/PID/smaps_rollup` says. A line that is missing counts as nothing.
    mutating func takeRollup(_ text: String) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, words[2] == "kB", let kilobytes = Int(words[1]) else { continue }
            switch words[0] {
            case "Rss:": residentBytes = kilobytes &* 1024
            case "Private_Clean:", "Private_Dirty:", "Swap:": privateBytes &+= kilobytes &* 1024
            default: continue
            }
        }
    }

    /// A small file of the kernel's, whole; nil when it cannot be read.
    private static func contents(of path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 1) { room in
            var have = 0
            while have < room.count {
                let got = read(file, room.baseAddress?.advanced(by: have), room.count - have)
                guard got > 0 else { break }
                have += got
            }
            return have > 0 ? String(decoding: room.prefix(have), as: UTF8.self) : nil
        }
    }
}
