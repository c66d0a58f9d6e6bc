import Base
import Reactor

extension Configuration {
    /// What makes this configuration dangerous or impossible, one sentence each; none when it may start.
    ///
    /// Beyond this machine means every address but loopback and Unix sockets: also `0.0.0.0` within a container.
    public func objections() -> [String] {
        var found = limits.violations()
        if (tlsCertificate == nil) != (tlsKey == nil) {
            found.append("tls-cert and tls-key belong together; one of them is missing")
        }
        if usesProxyProtocol, proxies.ranges.isEmpty {
            found.append("proxy-protocol needs proxies: nobody else is believed")
        }
        if accessTokenLifetime >= refreshTokenLifetime {
            found.append("access-token-lifetime must be shorter than refresh-token-lifetime")
        }
        if allowsInsecure { return found }
        let reach = addresses.filter { !Self.isOfThisMachine($0) }
        if let address = reach.first, tls == nil {
            found.append(
                "\(address) can be reached by strangers, and there is no TLS: set tls-cert and tls-key, or say "
                    + "allow-insecure when something in front of it does TLS"
            )
        }
        if let address = reach.first, isDevelopment {
            found.append(
                "\(address) can be reached by strangers, and data = none means development keys: set data, or say "
                    + "allow-insecure"
            )
        }
        if let admin, !Self.isOfThisMachine(admin) {
            if adminToken == nil {
                found.append(
                    "the admin listener \(admin) can be reached by strangers: set admin-token, or say allow-insecure"
                )
            } else if tls == nil {
                found.append(
                    "the admin listener \(admin) would get its token in the clear: set tls-cert and tls-key, or say "
                        + "allow-insecure"
                )
            }
        }
        return found
    }

    /// Whether only this machine can reach an address.
    static func isOfThisMachine(_ address: SocketAddress) -> Bool {
        guard let ip = address.ip else { return true }
        return loopback.contains(ip)
    }

    private static let loopback = AddressRanges(["127.0.0.0/8", "::1/128"].compactMap { AddressRange($0) })
}
