import Base
import CAllocations
import Gateway
@testable import Reactor
import Store
import Testing
import Web
import Wire

@Suite("Allocations in steady state", .enabled(if: AllocationBudget.isCounted))
struct AllocationTests {
    @Test func `an allocation is seen, by its own thread, with the place that made it`() {
        let before = gamekeeper_allocations()
        gamekeeper_watch_allocation()
        let array = [Int](repeating: 1, count: Int.random(in: 100...200))
        let stack = String(cString: gamekeeper_watched_allocation())
        #expect(array.count >= 100)
        #expect(gamekeeper_allocations() > before)
        #expect(!stack.isEmpty)
    }

    @Test func `the example call is decoded`() throws {
        let call = ExampleCall()
        var message = ByteBuffer()
        message.append(ExampleCall.text)
        try AllocationBudget.decodeJSON.expect { try call.decode(JSONReader(message.bytes)) }
        var packed = ByteBuffer()
        try Transcoder.transcode(from: .json, to: .messagePack, input: message.bytes, output: &packed)
        try AllocationBudget.decodeMessagePack.expect { try call.decode(MessagePackReader(packed.bytes)) }
    }

    @Test func `a WebSocket message is received and echoed`() throws {
        let server = try HandTurnedServer()
        let client = try server.connect()
        try client.upgrade()
        // As a client sends it: masked, 100 bytes.
        var frame: [UInt8] = [0x82, 0x80 | 100, 1, 2, 3, 4]
        frame += (0..<100).map { UInt8(0x61) ^ UInt8($0 & 3 + 1) }
        try AllocationBudget.echo.expect { try client.exchange(frame, answerBytes: 102) }
        #expect(client.answer(102).dropFirst(2).allSatisfy { $0 == 0x61 })
        let frames = Array(repeatElement(frame, count: 16).joined())
        try AllocationBudget.echoPipelined.expect(operations: 16) {
            try client.exchange(frames, answerBytes: 16 * 102)
        }
    }

    @Test func `a GET is answered on a kept connection`() throws {
        let server = try HandTurnedServer()
        let client = try server.connect()
        let request = Array("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
        let length = try client.firstAnswer(to: request)
        try AllocationBudget.get.expect { try client.exchange(request, answerBytes: length) }
        #expect(String(decoding: client.answer(length), as: UTF8.self).hasPrefix("HTTP/1.1 200 "))
    }

    @Test func `a held document is read from memory`() throws {
        let loop = EventLoop(kernel: try LinuxKernel())
        loop.adoptThread()
        let store = try Store(.memory)
        defer { store.close() }
        var opened: HeldDocument?
        try store.keeper(on: loop).open(try DocumentKey("bags", "ann")) { opened = try? $0.get() }
        for _ in 0..<1_000 where opened == nil { loop.turn() }
        let held = try #require(opened)
        try held.set(try DocumentBody(.string(String(repeating: "x", count: 1_000))))
        var bytes = 0
        try AllocationBudget.heldRead.expect { bytes &+= try held.read()?.body.bytes.count ?? 0 }
        #expect(bytes > 0)
    }

    @Test func `a timer is set and cancelled`() throws {
        let loop = EventLoop(kernel: try LinuxKernel())
        let body = {}
        AllocationBudget.timer.expect {
            guard let timer = loop.schedule(at: loop.now + .seconds(5), body) else { return }
            loop.cancel(timer)
        }
        var wheel = TimerWheel(start: loop.now)
        AllocationBudget.wheel.expect {
            guard let timer = wheel.schedule(at: loop.now + .seconds(5), payload: 1) else { return }
            _ = wheel.reschedule(timer, at: loop.now + .seconds(7))
            _ = wheel.cancel(timer)
        }
    }

    @Test func `letters are posted to a loop and read`() throws {
        let loop = EventLoop(kernel: try LinuxKernel())
        loop.adoptThread()
        let letter: @Sendable (EventLoop) -> Void = { _ in }
        AllocationBudget.post.expect(operations: 50) {
            for _ in 0..<50 { _ = loop.post(letter) }
            loop.turn()
        }
    }

    @Test(arguments: GatedCall.allCases)
    func `a call passes the gate or is refused there`(_ kind: GatedCall) throws {
        let gate = try HandTurnedGate()
        let message = kind.message
        let said = Array(message.utf8)
        kind.budget.expect { gate.probe.say(said.span.bytes) }
        #expect(gate.count(of: kind) >= 20_000)
    }

    @Test func `a counter and a gauge are changed`() {
        let counter = Counter(loops: 2)
        let gauge = Gauge(loops: 2)
        AllocationBudget.count.expect {
            counter.add(loop: 1)
            gauge.set(5, loop: 0)
            counter.add()
        }
        #expect(counter.value > 0)
    }
}
