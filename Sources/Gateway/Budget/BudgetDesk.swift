public import Base

/// Where a loop's connections pay. It belongs to one loop; whatever several loops share it reaches by atomics.
public struct BudgetDesk: ~Copyable {
    private let plan: BudgetPlan
    private var server: GlobalBudget.Share

    /// A desk for one loop.
    public init(_ plan: BudgetPlan) {
        self.plan = plan
        server = GlobalBudget.Share(of: plan.global)
    }

    /// Who wants to call.
    public struct Payer {
        /// The budget of the address that the connection comes from; `nil` for peers without one.
        public var address: AddressBudget?
        /// The player's, once somebody has said who he is.
        public var player: PlayerBudget?

        /// Names who pays beside the connection.
        public init(address: AddressBudget?, player: PlayerBudget?) {
            self.address = address
            self.player = player
        }
    }

    /// Spends the bytes of a frame that has arrived, before anything in it is read.
    public mutating func receive(
        bytes: Int,
        on connection: inout ConnectionBudget,
        at now: MonotonicTime
    ) -> BudgetVerdict {
        connection.receive(bytes: bytes, plan.connection, at: now.nanoseconds)
    }

    /// Spends a message that is no call, such as an ack or a ping.
    public mutating func spendMessage(on connection: inout ConnectionBudget, at now: MonotonicTime) -> BudgetVerdict {
        connection.spend(1, plan.connection, at: now.nanoseconds)
    }

    /// Spends a call: of the connection, of the address, of the player and his method, and of the process.
    ///
    /// Whoever refuses, the address, the player and the process have then spent nothing; the connection has, because a
    /// message that came is work whatever becomes of it. Somebody who has not said who he is spends the address's budget for
    /// strangers in place of the player's.
    public mutating func spend(
        call: Int,
        on connection: inout ConnectionBudget,
        by payer: borrowing Payer,
        at now: MonotonicTime
    ) -> BudgetVerdict {
        let moment = now.nanoseconds
        let cost = plan.calls[call].cost
        let verdict = connection.spend(cost, plan.connection, at: moment)
        guard verdict.isAllowed else { return verdict }
        guard let address = payer.address else { return spendOwn(call, payer, at: moment) }
        let spending = address.whole.spend(cost, plan.address, at: moment)
        guard spending.wait == 0 else { return .init(refusedBy: .address, waitNanoseconds: spending.wait) }
        let rest = spendOwn(call, payer, at: moment)
        if !rest.isAllowed { address.whole.undo(spending) }
        return rest
    }

    /// Spends of the player and the method, or of the strangers at this address, and then of the process.
    @inline(__always) private mutating func spendOwn(
        _ call: Int,
        _ payer: borrowing Payer,
        at moment: Int64
    ) -> BudgetVerdict {
        let cost = plan.calls[call].cost
        guard let player = payer.player else { return spendAsStranger(call, payer.address, at: moment) }
        let whole = player.whole.spend(cost, plan.player, at: moment)
        guard whole.wait == 0 else { return .init(refusedBy: .player, waitNanoseconds: whole.wait) }
        let method = player.methods.withCell(call) { $0.spend(1, plan.calls[call].rate, at: moment) }
        guard method.wait == 0 else {
            player.whole.undo(whole)
            return .init(refusedBy: .method, waitNanoseconds: method.wait)
        }
        let wait = server.spend(cost, at: moment)
        if wait == 0 { return .allowed }
        player.whole.undo(whole)
        player.methods.withCell(call) { $0.undo(method) }
        return .init(refusedBy: .server, waitNanoseconds: wait)
    }

    private mutating func spendAsStranger(_ call: Int, _ address: AddressBudget?, at moment: Int64) -> BudgetVerdict {
        let price = plan.calls[call]
        guard let address else {
            let wait = server.spend(price.cost, at: moment)
            return wait == 0 ? .allowed : .init(refusedBy: .server, waitNanoseconds: wait)
        }
        let method = address.strangers.withCell(call) { $0.spend(1, price.strangersRate, at: moment) }
        guard method.wait == 0 else { return .init(refusedBy: .method, waitNanoseconds: method.wait) }
        let wait = server.spend(price.cost, at: moment)
        if wait == 0 { return .allowed }
        address.strangers.withCell(call) { $0.undo(method) }
        return .init(refusedBy: .server, waitNanoseconds: wait)
    }
}

// MARK: Reading

extension BudgetPlan {
    /// What is left for a call, to whoever makes it: the least of what his method, the player, and the address have.
    ///
    /// Reading spends nothing and allocates nothing. What the connection has left is the connection's business.
    public func reading(call: Int, by payer: borrowing BudgetDesk.Payer, at now: MonotonicTime) -> BudgetReading {
        let moment = now.nanoseconds
        let price = calls[call]
        var readings: InlineReadings = (nil, nil, nil)
        if let player = payer.player {
            readings.0 = BudgetReading(player.methods.state(call), price.rate, cost: 1, at: moment)
            readings.1 = BudgetReading(player.whole.state, self.player, cost: price.cost, at: moment)
        } else if let address = payer.address {
            readings.0 = BudgetReading(address.strangers.state(call), price.strangersRate, cost: 1, at: moment)
        }
        if let address = payer.address {
            readings.2 = BudgetReading(address.whole.state, self.address, cost: price.cost, at: moment)
        }
        let own = readings.0 ?? BudgetReading(BudgetRate.full, price.rate, cost: 1, at: moment)
        return own.tighter(readings.1).tighter(readings.2)
    }

    private typealias InlineReadings = (BudgetReading?, BudgetReading?, BudgetReading?)
}
