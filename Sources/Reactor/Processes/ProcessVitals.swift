public import Base
import CLinux
import Glibc

/// What an operator watches of this process, cheap enough to be looked up at every scrape.
///
/// `ProcessUsage` is exact about memory and takes milliseconds for it in a large process; this reads two numbers. Counting
/// descriptors takes about 0.2 µs each, so whoever asks stands on no loop that players wait for.
public enum ProcessVitals {
    /// Processor time of all threads up to now.
    public static var processorTime: Duration? {
        var time = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return nil }
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// Bytes of address space, and how many of them are in memory.
    public static var memory: (virtual: Int, resident: Int)? {
        guard let text = text(of: "/proc/self/statm", bytesMax: 1_024) else { return nil }
        let pages = text.split(separator: " ").prefix(2).compactMap { Int($0) }
        guard pages.count == 2 else { return nil }
        let size = max(1, Int(sysconf(Int32(_SC_PAGESIZE))))
        return (pages[0] &* size, pages[1] &* size)
    }

    /// How many descriptors are open.
    public static var openDescriptors: Int? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count = 0
        while let entry = readdir(folder) {
            // Names that begin with a point are the folder and its parent.
            if entry.pointee.d_name.0 != 0x2E { count += 1 }
        }
        // One of them is the folder itself.
        return max(0, count - 1)
    }

    /// How many descriptors may be open.
    public static var descriptorsMax: Int? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Int(clamping: limit.rlim_cur)
    }

    /// When the process was started, as the kernel counts it: to a hundredth of a second.
    public static var startTime: WallTime? {
        guard let stat = text(of: "/proc/self/stat", bytesMax: 4_096),
            let system = text(of: "/proc/stat", bytesMax: 1 << 20)
        else { return nil }
        return startTime(stat: stat, system: system)
    }

    private static func text(of path: String, bytesMax: Int) -> String? {
        guard let bytes = try? Files.read(path, bytesMax: bytesMax) else { return nil }
        return String(decoding: bytes.array(), as: UTF8.self)
    }

    /// Reads the start off what `/proc/PID/stat` and `/proc/stat` say.
    static func startTime(stat: String, system: String) -> WallTime? {
        guard let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let ticks = Int64(fields[19]),
            let line = system.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let boot = Int64(line.dropFirst(6))
        else { return nil }
        let perSecond = max(1, Int64(sysconf(Int32(_SC_CLK_TCK))))
        let (nanoseconds, overflow) = boot.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow, ticks >= 0, ticks < .max / 1_000_000_000 else { return nil }
        return WallTime(nanoseconds: nanoseconds &+ ticks &* (1_000_000_000 / perSecond))
    }
}
