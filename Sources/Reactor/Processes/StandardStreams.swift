import Glibc

/// What a command says to whoever called it. Servers log instead.
public enum StandardStreams {
    /// Writes text to the standard output, for the next program or the reader.
    public static func output(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// Writes text to the standard error: progress and complaints.
    public static func error(_ text: String) { write(text, to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            // Nobody reads any more: a command has nobody else to tell.
            guard written > 0 || errno == EINTR else { return }
            bytes = bytes.dropFirst(max(0, written))
        }
    }
}

/// Ends this process at once with a status, as a command does when its work is done.
public func endProcess(status: Int32) -> Never { exit(status) }
