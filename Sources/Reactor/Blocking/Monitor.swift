import Base
import Glibc

/// State that threads share and wait upon: a mutex and a condition of the system.
///
/// Only for threads that may block. Proof of `@unchecked Sendable`: `state` is reached between lock and unlock
/// alone, and
/// mutex and condition keep one address for life, because they are allocated apart from the object's fields.
final class Monitor<State: ~Copyable & Sendable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State

    init(_ state: consuming State) {
        self.state = state
        mutex.initialize(to: pthread_mutex_t())
        changed.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // A wait must not end early or late because somebody set the calendar clock.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(changed, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        // Nobody waits: a waiting thread would hold the object.
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Changes the state. The closure is short and calls nobody else's code.
    func withLock<Result>(_ body: (inout State) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(&state)
    }

    /// Waits until the closure finds what it looks for. It is asked again after each wake.
    func wait<Result>(_ find: (inout State) -> Result?) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let found = find(&state) { return found }
            pthread_cond_wait(changed, mutex)
        }
    }

    /// Waits for a bounded time; `nil` when it passed first.
    func wait<Result>(within time: Duration, _ find: (inout State) -> Result?) -> Result? {
        var end = timespec()
        clock_gettime(CLOCK_MONOTONIC, &end)
        // A year is for ever, and adds up without overflow.
        let nanoseconds = Int(max(0, min(time.nanoseconds, 31_536_000_000_000_000))) + end.tv_nsec
        end.tv_sec += nanoseconds / 1_000_000_000
        end.tv_nsec = nanoseconds % 1_000_000_000
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let found = find(&state) { return found }
            if pthread_cond_timedwait(changed, mutex, &end) != 0 { return find(&state) }
        }
    }

    /// Lets all waiting threads look again.
    func wakeAll() { pthread_cond_broadcast(changed) }

    /// Lets one waiting thread look again: enough where all of them look for the same.
    func wakeOne() { pthread_cond_signal(changed) }
}
