/// The fields that every response carries, so that a page of ours can do no more in a browser than it must.
public struct SecurityHeaders: Sendable {
    /// The fields of every response.
    public var fields: [HTTPField]
    /// For listeners with TLS: how long a browser insists on it. Two years is what Mozilla asks for.
    public var strictTransportSeconds: Int?

    /// The defaults: only our own scripts and pictures, no frames, no guessing of types, no referrer.
    public init() {
        fields = [
            HTTPField("X-Content-Type-Options", "nosniff"),
            HTTPField("Referrer-Policy", "no-referrer"),
            HTTPField("X-Frame-Options", "DENY"),
            HTTPField("Cross-Origin-Opener-Policy", "same-origin"),
            HTTPField(
                "Content-Security-Policy",
                "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
            ),
        ]
        strictTransportSeconds = 63_072_000
    }
}
