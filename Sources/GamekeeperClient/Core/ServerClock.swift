/// The server's clock as seen from here: the sample with the shortest round trip is the least wrong.
struct ServerClock: Sendable {
    /// How many samples count. The path to the server changes, so old ones are forgotten.
    private static let samplesMax = 8

    private var samples: [(trip: Double, offset: Double)] = []
    /// The last round trip, in milliseconds.
    private(set) var roundTrip: Double?

    /// How far the server's clock is ahead of ours, in milliseconds.
    var offset: Double { samples.min { $0.trip < $1.trip }?.offset ?? 0 }

    /// Notes an answer to a ping; all times are milliseconds since 1970.
    mutating func add(sent: Double, server: Double, now: Double) {
        let trip = now - sent
        guard trip >= 0, server.isFinite else { return }
        roundTrip = trip
        samples.append((trip, server + trip / 2 - now))
        if samples.count > Self.samplesMax { samples.removeFirst() }
    }
}
