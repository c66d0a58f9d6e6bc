/// Counts the lines of each message per second and says which to leave out.
///
/// A message's identity is where its text lies in the binary. When more messages than `messagesMax` are counted, the
/// further ones share one budget, so a flood of different lines is bounded too.
struct LogRepeats {
    enum Verdict: Equatable {
        /// Write it, and say how many of its kind were left out before.
        case write(suppressed: Int)
        /// Leave it out; it has been counted.
        case suppress
    }

    private struct Window {
        var second: Int64
        var written = 0
        var suppressed = 0
    }

    private static let shared: UInt = 0
    private var windows: [UInt: Window] = [:]
    private let perSecondMax: Int
    private let messagesMax: Int

    init(perSecondMax: Int, messagesMax: Int) {
        precondition(perSecondMax > 0 && messagesMax > 0, "our configuration is wrong")
        self.perSecondMax = perSecondMax
        self.messagesMax = messagesMax
    }

    /// Judges one line. A second that differs, earlier or later, begins a new count, so a clock that steps harms nothing.
    mutating func admit(_ message: UInt, second: Int64) -> Verdict {
        var message = message
        if windows[message] == nil, windows.count >= messagesMax {
            windows = windows.filter { $0.value.second == second || $0.value.suppressed > 0 }
            if windows.count >= messagesMax { message = Self.shared }
        }
        var window = windows[message] ?? Window(second: second)
        defer { windows[message] = window }
        if window.second != second {
            window.second = second
            window.written = 0
        }
        guard window.written < perSecondMax else {
            window.suppressed += 1
            return .suppress
        }
        window.written += 1
        defer { window.suppressed = 0 }
        return .write(suppressed: window.suppressed)
    }
}
