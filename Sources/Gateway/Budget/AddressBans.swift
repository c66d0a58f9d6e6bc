public import Base
public import Reactor
import Synchronization

/// Addresses that may not connect, with the reason and the end.
public struct AddressBan: Sendable, Equatable {
    /// Whom it hits.
    public let range: AddressRange
    /// Why, for the operator; it is not told to the peer.
    public let reason: String
    /// When it ends; `nil` for never. By the calendar, because operators set it and storage keeps it.
    public let until: WallTime?

    /// Names a ban.
    public init(_ range: AddressRange, reason: String, until: WallTime?) {
        self.range = range
        self.reason = reason
        self.until = until
    }

    /// Whether it holds at a moment.
    func holds(at now: WallTime) -> Bool { until.map { now < $0 } ?? true }
}

/// Why a ban was not made.
public enum BanRefusal: Error, Equatable, Sendable {
    /// There are as many as may be; remove some or ban larger ranges.
    case full(Int)
    /// The reason has more bytes than this.
    case reasonTooLong(Int)
    /// Its end has passed already.
    case over
}

/// The list of bans, changed by operators while the loops run.
///
/// Each loop asks a copy of its own (`AddressBanReader`), which it renews when the number of the list has changed: asking
/// takes no lock.
public final class AddressBans: Sendable {
    private let list = Mutex<[AddressRange: AddressBan]>([:])
    private let number = Atomic<UInt64>(0)
    private let bansMax: Int
    private let reasonBytesMax: Int

    /// Nobody is banned yet.
    public init(_ limits: Limits.Budget) {
        bansMax = limits.bansMax
        reasonBytesMax = limits.banReasonBytesMax
    }

    /// Bans a range, or changes the ban of just this range. Connections that exist are the caller's business.
    public func add(_ ban: AddressBan, at now: WallTime) throws(BanRefusal) {
        guard ban.reason.utf8.count <= reasonBytesMax else { throw .reasonTooLong(reasonBytesMax) }
        guard ban.holds(at: now) else { throw .over }
        let isFull = list.withLock { bans -> Bool in
            if bans[ban.range] == nil, bans.count >= bansMax {
                bans = bans.filter { $0.value.holds(at: now) }
                if bans.count >= bansMax { return true }
            }
            bans[ban.range] = ban
            number.add(1, ordering: .releasing)
            return false
        }
        if isFull { throw .full(bansMax) }
    }

    /// Lifts the ban of just this range; `false` if there was none.
    @discardableResult public func remove(_ range: AddressRange) -> Bool {
        list.withLock { bans in
            guard bans.removeValue(forKey: range) != nil else { return false }
            number.add(1, ordering: .releasing)
            return true
        }
    }

    /// The bans that hold, in the order of their ranges.
    public func all(at now: WallTime) -> [AddressBan] {
        list.withLock { Array($0.values) }.filter { $0.holds(at: now) }
            .sorted { Self.order($0.range) < Self.order($1.range) }
    }

    /// Changes whenever the list does: a loop that sees another number asks again about the connections it has.
    public var version: UInt64 { number.load(ordering: .acquiring) }

    fileprivate func snapshot() -> (bans: [AddressBan], version: UInt64) {
        list.withLock { (Array($0.values), number.load(ordering: .acquiring)) }
    }

    private static func order(_ range: AddressRange) -> (Int, UInt128, Int) {
        (range.first.isIPv6 ? 1 : 0, range.first.number, range.bits)
    }
}

/// One loop's copy of the bans.
public struct AddressBanReader {
    private let bans: AddressBans
    private var version = UInt64.max
    private var groups: [Group] = []

    /// The bans whose ranges have the same length, by their first address.
    private struct Group {
        let isIPv6: Bool
        let mask: UInt128
        let firsts: [UInt128]
        let bans: [AddressBan]
    }

    /// Reads this list, from the first question on.
    public init(_ bans: AddressBans) { self.bans = bans }

    /// The ban that hits an address, the narrowest if there are several.
    ///
    /// It costs one atomic read while nobody is banned, and a binary search for each length of range in use otherwise.
    public mutating func ban(of address: IPAddress, at now: WallTime) -> AddressBan? {
        if bans.version != version { renew() }
        let number = address.number
        for group in groups where group.isIPv6 == address.isIPv6 {
            guard let place = Self.find(number & group.mask, in: group.firsts) else { continue }
            if group.bans[place].holds(at: now) { return group.bans[place] }
        }
        return nil
    }

    private mutating func renew() {
        let (bans, version) = bans.snapshot()
        self.version = version
        let lengths = Dictionary(grouping: bans) { $0.range.bits + ($0.range.first.isIPv6 ? 1_000 : 0) }
        groups = lengths.sorted { $0.key > $1.key }.compactMap { _, bans in
            guard let range = bans.first?.range else { return nil }
            let sorted = bans.sorted { $0.range.first.number < $1.range.first.number }
            // A shift by all 128 bits gives zero, which is the mask of no bits.
            let mask = UInt128.max << UInt128(range.first.bitCount - range.bits)
            return Group(
                isIPv6: range.first.isIPv6,
                mask: mask,
                firsts: sorted.map(\.range.first.number),
                bans: sorted
            )
        }
    }

    private static func find(_ number: UInt128, in sorted: [UInt128]) -> Int? {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < number { low = middle + 1 } else { high = middle }
        }
        return low < sorted.count && sorted[low] == number ? low : nil
    }
}
