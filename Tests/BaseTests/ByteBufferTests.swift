import Base
import Testing

@Suite("ByteBuffer") struct ByteBufferTests {
    @Test func `bytes come out in the order in which they went in`() {
        var buffer = ByteBuffer()
        for number in 0..<1000 { buffer.append(decimal: number) }
        buffer.removeFirst(1)
        buffer.append("end")
        let expected = Array((0..<1000).map(String.init).joined().utf8.dropFirst()) + Array("end".utf8)
        #expect(buffer.array() == expected)
    }

    @Test func `the smallest and the largest number are written in full`() {
        var buffer = ByteBuffer()
        buffer.append(decimal: .min)
        buffer.append(decimal: .max)
        #expect(buffer.array() == Array("-92233720368547758089223372036854775807".utf8))
    }

    @Test func `a number of any length is written as its digits`() {
        var power = 1
        for _ in 0..<19 {
            for number in [power - 1, power, power + 1, -power, power &* 7 &+ 5] {
                var buffer = ByteBuffer()
                buffer.append(decimal: number)
                #expect(buffer.array() == Array(String(number).utf8))
            }
            power &*= 10
        }
    }

    @Test func `taking more than there is is our bug`() async {
        await #expect(processExitsWith: .failure) {
            var buffer = ByteBuffer()
            buffer.removeFirst(1)
        }
    }
}
