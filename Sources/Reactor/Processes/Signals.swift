import CLinux
import Glibc

/// What an operator or a service manager asks of the process.
public enum Signal: Sendable {
    /// SIGTERM or SIGINT: stop, in order.
    case stop
    /// SIGHUP: read certificates again.
    case reload
}

/// Signals are waited for by the main thread and interrupt no other.
public enum Signals {
    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGHUP)
        return set
    }

    /// Takes the signals away from the thread that calls it and from every thread that it starts, for `wait` to take them.
    public static func block() {
        _ = mask()
        // A peer that went away is a failed send, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Takes the signals away from this thread.
    ///
    /// - Returns: what it did not take before.
    static func mask() -> sigset_t {
        var (set, former) = (set, sigset_t())
        pthread_sigmask(SIG_BLOCK, &set, &former)
        return former
    }

    /// Gives a thread the mask that it had.
    static func restore(_ former: sigset_t) {
        var former = former
        pthread_sigmask(SIG_SETMASK, &former, nil)
    }

    /// Waits for the next signal.
    public static func wait() -> Signal {
        var set = set
        var number: Int32 = 0
        while sigwait(&set, &number) != 0 {}
        return number == SIGHUP ? .reload : .stop
    }
}

/// What the process may use of the machine.
public enum ProcessLimits {
    /// Allows the process as many descriptors as the system lets it have.
    ///
    /// - Returns: how many that is.
    @discardableResult
    public static func raiseDescriptors() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_cur)
    }
}

/// What was set for the process from outside.
public enum Environment {
    /// The value of a variable; `nil` when it is not set.
    public static func value(of name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    /// All variables whose names begin so, in the order of their names.
    public static func variables(beginningWith prefix: String) -> [(name: String, value: String)] {
        var found: [(name: String, value: String)] = []
        var place = environ
        while let entry = place.pointee {
            let text = String(cString: entry)
            if text.hasPrefix(prefix), let equals = text.firstIndex(of: "=") {
                found.append((String(text[..<equals]), String(text[text.index(after: equals)...])))
            }
            place += 1
        }
        return found.sorted { $0.name < $1.name }
    }
}

/// This process among others.
public enum Processes {
    /// Ends this process.
    public static func exit(_ status: Int32) -> Never { Glibc.exit(status) }
}
