import Base
import Gateway
import Reactor

// What is left when everybody has gone.
extension GateStage {
    /// With everybody gone, connections end within their time-outs, sessions with their grace, topics and outcomes when they
    /// are forgotten; and then nothing is left, not a timer and not a byte.
    func drain() {
        network.weather = Weather()
        stride = 2_000_000_000
        if sabotage == .keepTimer, let loop = loops.first {
            on(loop) { $0.schedule(at: $0.now + .seconds(1_000_000)) {} }
        }
        let wait = limits.session.topicIdle + limits.session.grace + .seconds(120)
        pass(sabotage == .keepSessions ? .seconds(1) : wait)
        if sabotage != .keepOutcomes, sabotage != .keepSessions {
            network.advance(by: limits.outcomes.keptFor.nanoseconds)
        }
        pass(sabotage == .keepSessions ? .seconds(1) : .seconds(10))
        guard let gate, !hasFault else { return }
        ledger.expect(gate.server.sessionCount == 0, "\(gate.server.sessionCount) sessions are left")
        ledger.expect(gate.gauges.allSatisfy { $0 == 0 }, "gauges are left at \(gate.gauges)")
        let kept = outcomes.map(\.counts)
        ledger.expect(
            kept?.outcomes == 0 && kept?.waiting == 0 && kept?.bytes == 0,
            "outcomes are left: \(kept as Any)"
        )
        ledger.expect(gate.budgetsKept == 0, "\(gate.budgetsKept) budgets are left")
        ledger.expect(game.running == 0, "\(game.running) handlers have not ended")
        for (index, loop) in loops.enumerated() {
            let census = gate.census(of: loop)
            ledger.expect(census == Gate.Census(), "loop \(index) keeps \(census)")
            ledger.expect(loop.connectionCount == 0, "\(loop.connectionCount) connections are left on loop \(index)")
            let (left, before) = (loop.timerCount, timersAtStart[index])
            ledger.expect(left <= before, "\(left) timers are left on loop \(index), and \(before) were there before")
        }
    }

    private func pass(_ time: Duration) {
        let end = network.now + time
        for _ in 0..<40_000 where network.now < end && !hasFault { roundOrRest() }
    }

    /// The server stops.
    func stop() {
        beginStop()
        for _ in 0..<2_000 where loops.contains(where: { !$0.isStopped }) && !hasFault { roundOrRest() }
        ledger.expect(loops.allSatisfy(\.isStopped), "a loop does not stop")
        close()
    }

    /// Everything that the server held is given back.
    func close() {
        ledger.expect(network.openDescriptors == 0, "\(network.openDescriptors) descriptors are left open")
        ledger.expect(game.running == 0, "\(game.running) handlers outlive their loops")
        weak let last = gate
        let kept = sabotage == .keepGate ? gate : nil
        gate = nil
        group = nil
        outcomes = nil
        ledger.expect(last == nil, "the gate outlives its loops")
        withExtendedLifetime(kept) {}
    }
}
