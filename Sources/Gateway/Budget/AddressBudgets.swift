public import Base
public import Reactor

/// The budgets of all addresses: one per address of IPv4 and per /64 of IPv6, which is what one household gets.
public final class AddressBudgets: Sendable {
    private let table: BudgetTable<AddressKey, AddressBudget>

    init(_ limits: Limits.Budget, calls: Int) {
        table = BudgetTable(entriesMax: limits.addressesMax, calls: calls)
    }

    /// The budget of an address, for as long as the caller keeps it.
    public func budget(of address: IPAddress, at now: MonotonicTime) -> AddressBudget {
        let key = AddressKey(address)
        return table.entry(of: key, neighbourhood: key.neighbourhood, at: now.nanoseconds)
    }

    /// How many addresses have a budget of their own.
    public var count: Int { table.count }

    /// Forgets addresses that are as good as new; `most` bounds the work.
    public func sweep(most: Int, at now: MonotonicTime) { table.sweep(most: most, at: now.nanoseconds) }
}

/// What we take for one peer: an IPv4 address, or a /64 of IPv6.
struct AddressKey: Hashable, Sendable {
    private let number: UInt64
    private let isIPv6: Bool

    init(_ address: IPAddress) {
        isIPv6 = address.isIPv6
        number = UInt64(truncatingIfNeeded: address.isIPv6 ? address.number >> 64 : address.number)
    }

    /// Whoever owns many addresses owns them side by side (a /16, or a /32 of IPv6), so he crowds himself.
    var neighbourhood: Int {
        let block = isIPv6 ? number >> 32 : number >> 16
        return Int(truncatingIfNeeded: (block &* 0x9E37_79B9_7F4A_7C15) >> 40)
    }
}
