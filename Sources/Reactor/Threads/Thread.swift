import CLinux
import Glibc

/// A thread of the operating system that runs one closure.
public struct Thread: Sendable {
    private let handle: pthread_t

    private final class Start {
        let name: String
        let body: @Sendable () -> Void
        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts a thread. Its name, cut to 15 bytes, is what `top -H` shows. It never takes the signals that `Signals` waits for:
    /// one thread that did would end the process in the middle of its work.
    public init(named name: String, _ body: @escaping @Sendable () -> Void) {
        let start = Unmanaged.passRetained(Start(name, body))
        var handle = pthread_t()
        // A thread begins with the mask of whoever starts it.
        let former = Signals.mask()
        defer { Signals.restore(former) }
        let failure = pthread_create(
            &handle,
            nil,
            { start in
                guard let start else { return nil }
                let box = Unmanaged<Start>.fromOpaque(start).takeRetainedValue()
                gamekeeper_name_thread(String(box.name.utf8.prefix(15)))
                box.body()
                return nil
            },
            start.toOpaque()
        )
        // Threads are started with the process; a machine that has none left then cannot run it.
        precondition(failure == 0, "the system has no thread for \(name)")
        self.handle = handle
    }

    /// Waits until the thread has ended. Called once.
    public func join() { pthread_join(handle, nil) }

    /// Gives up waiting for the thread: the system cleans up behind it. Called once, and `join` never.
    public func detach() { pthread_detach(handle) }
}
