import Base
import CLinux
import Glibc

/// The kernel of Linux, by epoll: level-triggered, one instance and one wake-up descriptor per loop.
final class LinuxKernel: Kernel {
    private let epoll: Int32
    private let alarm: Int32
    /// Loop-confined, like everything here but `alarm`: only `wait` touches it.
    private nonisolated(unsafe) let events: UnsafeMutableBufferPointer<epoll_event>

    /// The token that no descriptor has: a wake-up.
    private static let alarmToken = UInt64.max
    /// How many reports one wait can bring. More wait for the next one.
    private static let reportsMax = 1024

    /// Opens the kernel's side of a loop.
    init() throws(KernelError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw KernelError(errno) }
        alarm = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard alarm >= 0 else {
            let failure = KernelError(errno)
            Glibc.close(epoll)
            throw failure
        }
        events = .allocate(capacity: Self.reportsMax)
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: Self.alarmToken))
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, alarm, &event) == 0 else { throw KernelError(errno) }
    }

    deinit {
        Glibc.close(alarm)
        Glibc.close(epoll)
        events.deallocate()
    }

    private let clock = SystemClock()

    func now() -> MonotonicTime { clock.now() }

    func wallTime() -> WallTime { clock.wallTime() }

    // MARK: Readiness

    func arm(_ descriptor: Descriptor, for interest: Interest, token: UInt64) throws(KernelError) {
        var event = Self.event(interest, token)
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor.number, &event) == 0 else { throw KernelError(errno) }
    }

    func rearm(_ descriptor: Descriptor, for interest: Interest, token: UInt64) {
        var event = Self.event(interest, token)
        epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor.number, &event)
    }

    func disarm(_ descriptor: Descriptor) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor.number, nil)
    }

    private static func event(_ interest: Interest, _ token: UInt64) -> epoll_event {
        var bits: UInt32 = 0
        if interest.contains(.read) { bits |= EPOLLIN.rawValue }
        if interest.contains(.write) { bits |= EPOLLOUT.rawValue }
        return epoll_event(events: bits, data: epoll_data_t(u64: token))
    }

    func wait(nanoseconds: Int64?, into ready: UnsafeMutableBufferPointer<Readiness>) -> Int {
        let most = min(ready.count, Self.reportsMax)
        let reported = epoll_wait(epoll, events.baseAddress, Int32(most), Self.milliseconds(nanoseconds))
        guard reported > 0 else { return 0 }
        var filled = 0
        for index in 0..<Int(reported) {
            let event = events[index]
            if event.data.u64 == Self.alarmToken {
                var count: UInt64 = 0
                Glibc.read(alarm, &count, 8)
                continue
            }
            ready[filled] = Readiness(
                token: event.data.u64,
                readable: event.events & (EPOLLIN.rawValue | EPOLLHUP.rawValue) != 0,
                writable: event.events & EPOLLOUT.rawValue != 0,
                broken: event.events & EPOLLERR.rawValue != 0
            )
            filled += 1
        }
        return filled
    }

    /// epoll counts in milliseconds; rounding up means that a timer is never looked for before it is due.
    private static func milliseconds(_ nanoseconds: Int64?) -> Int32 {
        guard let nanoseconds else { return -1 }
        return nanoseconds <= 0 ? 0 : Int32(min((min(nanoseconds, 1 << 60) + 999_999) / 1_000_000, 60_000))
    }

    func wake() {
        var one: UInt64 = 1
        Glibc.write(alarm, &one, 8)
    }
}

extension KernelError {
    /// Translates the system's number.
    init(_ number: Int32) {
        switch number {
        case EMFILE, ENFILE: self = .outOfDescriptors
        case ENOMEM, ENOBUFS: self = .outOfMemory
        case ECONNRESET, EPIPE, ECONNABORTED: self = .reset
        case ECONNREFUSED: self = .refused
        case EHOSTUNREACH, ENETUNREACH, ENETDOWN, EHOSTDOWN: self = .unreachable
        case EADDRINUSE: self = .addressInUse
        case EACCES, EPERM: self = .notPermitted
        case ETIMEDOUT: self = .timedOut
        default: self = .other(number)
        }
    }
}
