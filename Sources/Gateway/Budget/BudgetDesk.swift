public import Base

/// Where a loop's connections pay. It belongs to one loop; whatever several loops share it reaches by atomics.
@safe public struct BudgetDesk: ~Copyable {
    // Keeps the prices.
    private let plan: BudgetPlan
    private let prices: UnsafeBufferPointer<BudgetPlan.Price>
    private let connectionRates: ConnectionBudget.Rates
    private let addressRate: BudgetRate
    private let playerRate: BudgetRate
    private let failedProofCost: Int
    private let ticketCost: Int
    private let upgradeCost: Int
    private var server: GlobalBudget.Share

    /// A desk for one loop.
    public init(_ plan: BudgetPlan) {
        self.plan = plan
        unsafe prices = plan.prices
        connectionRates = plan.connection
        addressRate = plan.address
        playerRate = plan.player
        failedProofCost = plan.limits.failedProofCost
        ticketCost = plan.limits.ticketCost
        upgradeCost = plan.limits.upgradeCost
        server = GlobalBudget.Share(of: plan.global)
    }

    /// Who wants to call.
    ///
    /// It keeps the budgets, so their buckets live as long as it does and are reached without counting references.
    @safe public struct Payer: ~Copyable {
        /// The budget of the address that the connection comes from; `nil` for peers without one.
        public let address: AddressBudget?
        /// The player's, once somebody has said who he is.
        public var player: PlayerBudget? { didSet { unsafe playerCells = player?.cells } }
        fileprivate let addressCells: UnsafeMutablePointer<BudgetCells>?
        fileprivate private(set) var playerCells: UnsafeMutablePointer<BudgetCells>?

        /// Names who pays beside the connection.
        public init(address: AddressBudget?, player: PlayerBudget?) {
            self.address = address
            self.player = player
            unsafe addressCells = address?.cells
            unsafe playerCells = player?.cells
        }
    }

    /// Spends the bytes of a frame that has arrived, before anything in it is read.
    public mutating func receive(
        bytes: Int,
        on connection: inout ConnectionBudget,
        at now: MonotonicTime
    ) -> BudgetVerdict {
        connection.receive(bytes: bytes, connectionRates, at: now.nanoseconds)
    }

    /// Spends a message that is no call, such as an ack or a ping.
    public mutating func spendMessage(on connection: inout ConnectionBudget, at now: MonotonicTime) -> BudgetVerdict {
        connection.spend(1, connectionRates, at: now.nanoseconds)
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
        let price = unsafe prices[call]
        let verdict = connection.spend(price.cost, connectionRates, at: moment)
        guard verdict.isAllowed else { return verdict }
        // Other loops may spend in between, each time for a call that they allow; who always comes second is refused.
        for _ in 0..<64 {
            // All are looked at before any is spent from, so a refusal costs three reads.
            let looked = look(call, price, payer, at: moment)
            guard looked.verdict.isAllowed else { return looked.verdict }
            let wait = server.spend(price.cost, at: moment)
            guard wait == 0 else { return BudgetVerdict(refusedBy: .server, waitNanoseconds: wait) }
            if commit(looked, call, payer) { return .allowed }
            server.giveBack(price.cost)
        }
        return BudgetVerdict(refusedBy: .server, waitNanoseconds: 1_000_000)
    }

    /// How long an address has to wait until it may try to prove who somebody is; zero if it may now. Nothing is spent.
    public func wait(toProveAt address: AddressBudget, at now: MonotonicTime) -> Duration {
        .nanoseconds(unsafe address.cells.pointee.whole.look(failedProofCost, addressRate, at: now.nanoseconds).wait)
    }

    /// Spends a proof that failed.
    public func spend(failedProofOf address: AddressBudget, at now: MonotonicTime) {
        _ = unsafe address.cells.pointee.whole.spend(failedProofCost, addressRate, at: now.nanoseconds)
    }

    /// Spends a ticket of whoever comes from an address, or says how long he has to wait.
    public func spend(ticketFor payer: borrowing Payer, at now: MonotonicTime) -> BudgetVerdict {
        guard let address = unsafe payer.addressCells else { return .allowed }
        let wait = unsafe address.pointee.whole.spend(ticketCost, addressRate, at: now.nanoseconds).wait
        return wait == 0 ? .allowed : BudgetVerdict(refusedBy: .address, waitNanoseconds: wait)
    }

    /// Spends a socket that says with its upgrade who it is, or says how long its address has to wait; zero if it may now.
    public func spend(upgradeFrom address: AddressBudget, at now: MonotonicTime) -> Duration {
        .nanoseconds(unsafe address.cells.pointee.whole.spend(upgradeCost, addressRate, at: now.nanoseconds).wait)
    }

    /// What a call would spend beside the connection and the process.
    fileprivate struct Looked {
        var verdict = BudgetVerdict.allowed
        var address = BudgetCell.Spending()
        var whole = BudgetCell.Spending()
        var method = BudgetCell.Spending()
    }

    @inline(__always) private func look(
        _ call: Int,
        _ price: BudgetPlan.Price,
        _ payer: borrowing Payer,
        at moment: Int64
    ) -> Looked {
        var looked = Looked()
        if let address = unsafe payer.addressCells {
            looked.address = unsafe address.pointee.whole.look(price.cost, addressRate, at: moment)
            if looked.refuse(.address, looked.address) { return looked }
        }
        if let player = unsafe payer.playerCells {
            looked.whole = unsafe player.pointee.whole.look(price.cost, playerRate, at: moment)
            if looked.refuse(.player, looked.whole) { return looked }
            looked.method = unsafe player.pointee.cell(call).pointee.look(1, price.rate, at: moment)
            _ = looked.refuse(.method, looked.method)
        } else if let address = unsafe payer.addressCells {
            looked.method = unsafe address.pointee.cell(call).pointee.look(1, price.strangersRate, at: moment)
            _ = looked.refuse(.method, looked.method)
        }
        return looked
    }

    /// Spends what was looked at; `false`, and nothing is spent, if another loop has spent in between.
    @inline(__always) private func commit(
        _ looked: borrowing Looked,
        _ call: Int,
        _ payer: borrowing Payer
    ) -> Bool {
        if let address = unsafe payer.addressCells {
            guard unsafe address.pointee.whole.commit(looked.address) else { return false }
        }
        if commitOwn(looked, call, payer) { return true }
        if let address = unsafe payer.addressCells { unsafe address.pointee.whole.undo(looked.address) }
        return false
    }

    @inline(__always) private func commitOwn(
        _ looked: borrowing Looked,
        _ call: Int,
        _ payer: borrowing Payer
    ) -> Bool {
        guard let player = unsafe payer.playerCells else {
            guard let address = unsafe payer.addressCells else { return true }
            return unsafe address.pointee.cell(call).pointee.commit(looked.method)
        }
        guard unsafe player.pointee.whole.commit(looked.whole) else { return false }
        if unsafe player.pointee.cell(call).pointee.commit(looked.method) { return true }
        unsafe player.pointee.whole.undo(looked.whole)
        return false
    }
}

extension BudgetDesk.Looked {
    /// Takes note of who refuses.
    @inline(__always) fileprivate mutating func refuse(_ scope: BudgetScope, _ spending: BudgetCell.Spending) -> Bool {
        guard spending.wait > 0 else { return false }
        verdict = BudgetVerdict(refusedBy: scope, waitNanoseconds: spending.wait)
        return true
    }
}

// MARK: Reading

extension BudgetPlan {
    /// What is left for a call, to whoever makes it: the least of what his method, the player, and the address have.
    ///
    /// Reading spends nothing and allocates nothing. What the connection has left is the connection's business.
    public func reading(call: Int, by payer: borrowing BudgetDesk.Payer, at now: MonotonicTime) -> BudgetReading {
        let moment = now.nanoseconds
        let price = unsafe prices[call]
        var readings: InlineReadings = (nil, nil, nil)
        if let player = payer.player {
            readings.0 = BudgetReading(player.state(call), price.rate, cost: 1, at: moment)
            readings.1 = BudgetReading(player.wholeState, self.player, cost: price.cost, at: moment)
        } else if let address = payer.address {
            readings.0 = BudgetReading(address.state(call), price.strangersRate, cost: 1, at: moment)
        }
        if let address = payer.address {
            readings.2 = BudgetReading(address.wholeState, self.address, cost: price.cost, at: moment)
        }
        let own = readings.0 ?? BudgetReading(BudgetRate.full, price.rate, cost: 1, at: moment)
        return own.tighter(readings.1).tighter(readings.2)
    }

    private typealias InlineReadings = (BudgetReading?, BudgetReading?, BudgetReading?)
}
