import Glibc

/// What this process is called by people who look for it.
public enum ThisProcess {
    /// `host:number`, such as `arena-3:4711`.
    public static var name: String { "\(hostName):\(getpid())" }

    /// The machine's name, as it calls itself.
    private static var hostName: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let start = buffer.baseAddress, gethostname(start, buffer.count) == 0 else { return "localhost" }
            // A name that was cut has no end of its own.
            buffer[buffer.count - 1] = 0
            return String(cString: start)
        }
    }
}
