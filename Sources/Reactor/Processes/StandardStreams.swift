public import Base
import Glibc

/// The three streams that a process is born with. They may block, so only the main thread and the log use them.
public enum StandardStreams {
    /// Writes all of the bytes to the standard output.
    public static func write(_ bytes: RawSpan) { write(bytes, to: STDOUT_FILENO) }

    /// Writes a text to the standard output.
    public static func write(_ text: String) { write(text, to: STDOUT_FILENO) }

    /// Writes all of the bytes to the standard error: one call is one line of the log.
    public static func writeError(_ bytes: RawSpan) { write(bytes, to: STDERR_FILENO) }

    /// Writes a text to the standard error.
    public static func writeError(_ text: String) { write(text, to: STDERR_FILENO) }

    /// Reads the standard input to its end.
    ///
    /// - Returns: `nil` when there is more than `bytesMax`.
    public static func readAll(bytesMax: Int) -> ByteBuffer? {
        var input = ByteBuffer()
        while true {
            var count = 0
            input.append(uninitialized: 64 << 10) { room in
                count = read(STDIN_FILENO, room.baseAddress, room.count)
                return max(0, count)
            }
            guard count > 0 || (count < 0 && errno == EINTR) else { return input }
            guard input.count <= bytesMax else { return nil }
        }
    }

    /// Reads a line of the standard input, without its end, and nothing that comes behind it.
    ///
    /// - Returns: `nil` at the end of the input, and for a line that is longer than `bytesMax`.
    public static func readLine(bytesMax: Int) -> String? {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            let count = read(STDIN_FILENO, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1, line.count < bytesMax else { return nil }
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
    }

    /// Whether a person reads the standard output.
    public static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Whether a person reads the standard error, where the log goes.
    public static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    private static func write(_ text: String, to descriptor: Int32) {
        var buffer = ByteBuffer()
        buffer.append(utf8: text)
        write(buffer.bytes, to: descriptor)
    }

    private static func write(_ bytes: RawSpan, to descriptor: Int32) {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes
            while rest.count > 0 {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                // Whoever read us has gone; there is nobody left to tell.
                guard count > 0 || (count < 0 && errno == EINTR) else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[max(0, count)...])
            }
        }
    }
}
