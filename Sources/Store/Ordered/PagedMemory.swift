/// Numbers at places whose memory never moves: it grows by a page at a time, so that no growth copies what is there.
///
/// Proof of `@safe` and of `@unchecked Sendable`: pages are made by `grow` with every element set, live as long as this
/// does, and are reached through this value alone, which cannot be copied; every place is checked.
@safe struct PagedMemory<Element: BitwiseCopyable>: ~Copyable, @unchecked Sendable {
    private var pages: [UnsafeMutablePointer<Element>]
    private let shift: Int
    private let vacant: Element

    /// Memory without a page. A page has `1 << pageShift` places, each of which holds `vacant` at first.
    init(pageShift: Int, vacant: Element) {
        unsafe pages = []
        shift = pageShift
        self.vacant = vacant
    }

    deinit { for page in 0..<(count >> shift) { unsafe pages[page].deallocate() } }

    /// Places there are.
    var count: Int { unsafe pages.count << shift }

    /// Adds a page.
    mutating func grow() {
        let page = UnsafeMutablePointer<Element>.allocate(capacity: 1 << shift)
        unsafe page.initialize(repeating: vacant, count: 1 << shift)
        unsafe pages.append(page)
    }

    /// Adds pages until the place is there.
    mutating func reach(_ place: Int) { while place >= count { grow() } }

    subscript(place: Int) -> Element {
        get { unsafe pages[place >> shift][place & (1 << shift &- 1)] }
        set { unsafe pages[place >> shift][place & (1 << shift &- 1)] = newValue }
    }

    /// Copies elements, which may overlap where they go; neither side may cross the end of a page.
    mutating func move(_ count: Int, from: Int, to: Int) {
        guard count > 0 else { return }
        let mask = 1 << shift &- 1
        precondition(from & mask + count <= mask + 1 && to & mask + count <= mask + 1, "a move stays within pages")
        unsafe (pages[to >> shift] + (to & mask)).update(from: pages[from >> shift] + (from & mask), count: count)
    }
}

extension PagedMemory where Element == UInt32 {
    /// Where a number stands among those behind a place; none of them may be on the next page.
    func first(_ wanted: UInt32, from place: Int, count: Int) -> Int? {
        let mask = 1 << shift &- 1
        precondition(place & mask + count <= mask + 1, "a search stays within a page")
        let start = unsafe pages[place >> shift] + (place & mask)
        var offset = 0
        // Sixteen at a time without a branch, which the compiler makes one comparison of.
        while offset &+ 16 <= count {
            var hits: UInt32 = 0
            for step in 0..<16 { unsafe hits |= start[offset &+ step] == wanted ? 1 : 0 }
            if hits != 0 { break }
            offset &+= 16
        }
        while offset < count {
            if unsafe start[offset] == wanted { return offset }
            offset &+= 1
        }
        return nil
    }
}
