import CLinux

/// The memory that the allocator holds beyond what is in use.
///
/// It keeps what was freed for the next peak, and for good: 600 strangers with half a megabyte each left a process of 24 MB
/// at 640 MB. Giving everything back at once would cost half as much again for every large message, so it is done
/// afterwards, seldom, and only when it is much.
public enum ProcessMemory {
    /// What is kept for the next peak.
    public static let keptMax = 64 << 20

    /// Gives back what a peak has left behind, if that is more than `keptMax`. It takes about 60 µs per MiB, in which threads
    /// that allocate may have to wait: once after a peak.
    ///
    /// - Returns: how many bytes more than in use there were; `nil` when there was nothing to do.
    @discardableResult public static func giveBack(beyond keptMax: Int = keptMax) -> Int? {
        guard let resident = ProcessVitals.memory?.resident else { return nil }
        let used = inUse
        // A sanitizer's allocator counts nothing here.
        guard used >= 1 << 20, resident - used > keptMax else { return nil }
        return gamekeeper_trim_memory() == 1 ? resident - used : nil
    }

    /// How many bytes of the allocator's are in use.
    static var inUse: Int { Int(clamping: gamekeeper_memory_in_use()) }
}
