public import Synchronization

/// An object that is made when it is first needed, by whichever thread comes first, and then stays.
///
/// It is what `AtomicLazyReference` is, compiled where it is used: reading that one costs some hundred instructions, because
/// its type is looked up each time.
///
/// Safe because the address is set once, from an object that was retained for it, and the object is released with this.
@safe public struct LateReference<Object: AnyObject & Sendable>: ~Copyable, Sendable {
    /// Where it lies; 0 for nowhere.
    @usableFromInline let address = Atomic<UInt>(0)

    /// Nothing yet.
    @inlinable public init() {}

    deinit {
        guard let address = unsafe UnsafeRawPointer(bitPattern: address.load(ordering: .acquiring)) else { return }
        unsafe Unmanaged<Object>.fromOpaque(address).release()
    }

    /// The object, once there is one.
    @inlinable @inline(__always) public func load() -> Object? {
        guard let address = unsafe UnsafeRawPointer(bitPattern: address.load(ordering: .acquiring)) else { return nil }
        return unsafe Unmanaged<Object>.fromOpaque(address).takeUnretainedValue()
    }

    /// Puts the object there, unless another thread was faster.
    ///
    /// - Returns: the one that stays.
    public func storeIfNil(_ object: Object) -> Object {
        let mine = unsafe Unmanaged.passRetained(object)
        let (done, theirs) = address.compareExchange(
            expected: 0,
            desired: UInt(bitPattern: unsafe mine.toOpaque()),
            ordering: .acquiringAndReleasing
        )
        guard !done, let theirs = unsafe UnsafeRawPointer(bitPattern: theirs) else { return object }
        unsafe mine.release()
        return unsafe Unmanaged<Object>.fromOpaque(theirs).takeUnretainedValue()
    }
}
