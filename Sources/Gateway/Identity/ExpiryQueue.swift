/// What ends in about the order in which it came: first in, first out, with a limit.
struct ExpiryQueue<Element: Sendable>: Sendable {
    private var items: [Element] = []
    private var head = 0
    let maximum: Int

    init(maximum: Int) {
        precondition(maximum > 0, "a queue has room")
        self.maximum = maximum
    }

    var count: Int { items.count - head }
    var isEmpty: Bool { count == 0 }
    var isFull: Bool { count >= maximum }
    var first: Element? { head < items.count ? items[head] : nil }

    subscript(place: Int) -> Element { items[head + place] }

    /// Adds at the end.
    ///
    /// - Returns: whether there was room.
    @discardableResult mutating func append(_ element: Element) -> Bool {
        guard !isFull else { return false }
        // By a quarter, not to the double: there is an entry for every player and every login.
        if items.count == items.capacity { items.reserveCapacity(items.count + max(16, items.count / 4)) }
        items.append(element)
        return true
    }

    mutating func popFirst() -> Element? {
        guard head < items.count else { return nil }
        let element = items[head]
        head += 1
        // What was taken is given back when it is half of the memory: one move per element in all.
        if head >= 64, head * 2 >= items.count {
            items.removeFirst(head)
            head = 0
        }
        return element
    }
}
