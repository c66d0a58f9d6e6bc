extension Limits {
    /// Limits of tokens, keys and accounts.
    public struct Identity: Sendable, Equatable {
        /// How long an access token is good. Longer keeps what a thief took useful, shorter costs signatures: at ten
        /// minutes 100,000 players need 170 a second.
        public var accessLifetime = Duration.seconds(600)
        /// How far the clocks of two servers may be apart before one refuses the other's tokens.
        public var clockLeeway = Duration.seconds(5)
        /// How often a server hears which logins others of the same store have ended.
        public var hearingInterval = Duration.seconds(2)
        /// How far it looks back behind what it heard last: longer than a commit takes that was begun before.
        public var hearingWindow = Duration.seconds(60)
        /// How long a login lives without being used: a player who was away for a holiday is still logged in.
        public var refreshLifetime = Duration.seconds(30 * 86_400)
        /// How long a login lives at most, however often it is renewed: half a year, after which the device logs in anew.
        public var familyLifetime = Duration.seconds(180 * 86_400)
        /// How long a refresh token may be shown again when its successor was lost on the way: one retry of a client
        /// that waited for its answer. A thief gains nothing: the successor that the other got is refused then.
        public var refreshGrace = Duration.seconds(10)
        /// How long a guest stays who came once and did nothing more: did not renew his login, come again, get a role. A flood
        /// of new guests fills a store with an hour's of them at most. Whoever comes back later with his device's secret is
        /// the same player all the same.
        public var newGuestLifetime = Duration.seconds(3_600)
        /// How long a ticket waits to be redeemed: the time in which a page opens its socket.
        public var ticketLifetime = Duration.seconds(30)
        /// Tickets that wait at once. At 1,000 logins a second and 30 s each 30,000 wait; past it none is issued.
        public var ticketsMax = 65_536
        /// Tickets of one player within `ticketLifetime`: a few tabs that reconnect at once. Past it he gets none, so that
        /// nobody takes the places of others.
        public var ticketsPerPlayerMax = 16
        /// Verified access tokens that each loop remembers: most of a busy loop's players, at about 700 bytes each.
        /// A full set of places forgets the token that was used longest ago.
        public var cachedTokensMax = 4_096
        /// Signatures that each loop checks in a second: a quarter of a core at 120 µs each. What comes past it is
        /// refused as `UNAVAILABLE`, so that a flood of forgeries cannot take the time of those who are known.
        public var signatureChecksPerSecondMax = 2_000
        /// The longest access token that is read. Ours have about 450 bytes; with 16 long role names 1,000.
        public var tokenBytesMax = 2_048
        /// Revocations that still matter at once: as long as the access tokens they concern, so 437 a second. Past it
        /// logging out is refused; an operator's revocation makes every older token refresh instead.
        public var revocationsMax = 262_144
        /// Logins of one player at once: phones, tablets and browsers of a household. One more ends the oldest.
        public var familiesPerPlayerMax = 16
        /// Ways of one player to log in. Past it none is added.
        public var credentialsPerPlayerMax = 16
        /// Roles of one player. They travel in every token.
        public var rolesPerPlayerMax = 16
        /// Players that the store in memory holds. It is for development and small servers: about 1 KB each. When full
        /// it forgets guests who came once, and takes no new players while there is none such.
        public var memoryPlayersMax = 100_000
        /// Logins that the store in memory holds, of all players together. When full it ends those that were never
        /// renewed, and a player's oldest for his next; where there is none such nobody logs in.
        public var memoryFamiliesMax = 200_000
        /// How long ago somebody must have come, and never again, to make room in a full store: a flood of guests is
        /// over an hour after its end, and who plays renews his login meanwhile.
        public var memoryPasserByAge = Duration.seconds(3_600)
        /// How long the store in memory keeps a player who has no login left.
        public var memoryPlayerLifetime = Duration.seconds(30 * 86_400)
        /// How long a key signs. Renewing it monthly keeps the way to do it in use.
        public var signingKeyLifetime = Duration.seconds(30 * 86_400)
        /// How long before its first use the next key is published: longer than anybody keeps our key document.
        public var signingKeyLead = Duration.seconds(86_400)
        /// Keys at once: one that signs, one that follows, and those whose tokens have not expired.
        public var signingKeysMax = 8
        /// A file of keys: eight keys have 2 KB.
        public var keyFileBytesMax = 64 << 10

        /// The defaults.
        public init() {}
    }
}
