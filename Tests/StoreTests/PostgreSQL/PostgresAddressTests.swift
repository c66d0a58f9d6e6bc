import Testing

@testable import Store

@Suite("PostgreSQL addresses") struct PostgresAddressTests {
    @Test func `an address gives its parts back, and hides its password`() throws {
        let address = try PostgresAddress(
            "postgres://ann%40home:p%40ss%3A%2F@db.example:6543/my%20game?sslmode=verify-full&sslrootcert=/etc/ca.pem&schema=s1"
        )
        #expect(address.user == "ann@home")
        #expect(address.places == [PostgresAddress.Place(host: "db.example", port: 6_543)])
        #expect((address.database, address.tls, address.schema) == ("my game", .verifyAll, "s1"))
        #expect(address.rootCertificate == "/etc/ca.pem")
        #expect(address.password?.text == "p@ss:/")
        var dumped = ""
        dump(address, to: &dumped)
        for text in ["\(address)", String(reflecting: address), dumped, "\([address])"] {
            #expect(!text.contains("p@ss"), "\(text)")
        }
    }

    @Test func `what is not said has a default`() throws {
        let address = try PostgresAddress("postgresql://ann@[::1]/game")
        #expect(address.places == [PostgresAddress.Place(host: "::1", port: 5_432)])
        #expect(address.tls == .prefer)
        #expect((address.schema, address.password) == ("gamekeeper", nil))
        #expect(try PostgresAddress("postgres://ann@%2Frun%2Fpg/game").places[0].isLocal)
        #expect(try PostgresAddress("postgres://ann@/game?host=/run/pg").places[0].host == "/run/pg")
    }

    @Test func `several servers stand side by side, each with its port`() throws {
        let address = try PostgresAddress("postgres://ann@one:1,[::2]:2,three/game")
        #expect(address.places.map(\.description) == ["one:1", "[::2]:2", "three:5432"])
        #expect("\(address)" == "postgres://ann@one:1,[::2]:2,three:5432/game?schema=gamekeeper")
    }

    @Test(arguments: [
        ("mysql://a@b/c", PostgresAddress.Flaw.notPostgres), ("postgres://b/c", .noUser),
        ("postgres://:x@b/c", .noUser),
        ("postgres://a@b", .noDatabase), ("postgres://a@b/", .noDatabase), ("postgres://a@/c", .badHost),
        ("postgres://a@b,,d/c", .badHost), ("postgres://a@b,d/c?host=/x", .badHost), ("postgres://a@b,d:0/c", .badPort),
        ("postgres://a@1,2,3,4,5,6,7,8,9/c", .badHost), ("postgres://a@[b]/c", .badHost),
        ("postgres://a@[::1/c", .badHost),
        ("postgres://a@[::1]x/c", .badHost), ("postgres://a@b:0/c", .badPort), ("postgres://a@b:65536/c", .badPort),
        ("postgres://a@b:x/c", .badPort), ("postgres://a@b:/c", .badPort), ("postgres://a%4@b/c", .badEscape),
        ("postgres://a%00@b/c", .badEscape), ("postgres://a%FF@b/c", .badEscape), ("postgres://a%@b/c", .badEscape),
        ("postgres://a@b/c?sslmode=maybe", .badOption("sslmode")), ("postgres://a@b/c?schema=A", .badOption("schema")),
        ("postgres://a@b/c?schema=pg_x", .badOption("schema")), ("postgres://a@b/c?schema=a%22b", .badOption("schema")),
        ("postgres://a@b/c?host=/x", .badOption("host")), ("postgres://a@b/c?sslmode", .badOption("sslmode")),
        ("postgres://a@b/c?options=-c", .unknownOption("options")),
        ("postgres://a@b/" + String(repeating: "c", count: 2_048), .tooLong),
    ])
    func `a bad address is refused by what is wrong with it`(url: String, flaw: PostgresAddress.Flaw) {
        #expect(throws: flaw) { try PostgresAddress(url) }
        #expect(!flaw.words.isEmpty)
    }

    @Test func `every beginning of an address is read or refused`() {
        let url = "postgres://ann:s%65cret@[2001:db8::1]:5432/game?sslmode=require&schema=s"
        for end in 0...url.utf8.count {
            do { _ = try PostgresAddress(String(decoding: url.utf8.prefix(end), as: UTF8.self)) } catch {
                #expect(!"\(error)".contains("secret"))
            }
        }
    }

    @Test func `libpq is told a value as it is, whatever it holds`() throws {
        let address = try PostgresAddress("postgres://o%27ne:b%5C%27%20host=x@db/game")
        let text = address.connectionText(address.places[0], hostAddress: "192.0.2.1")
        #expect(text.contains(#"user='o\'ne'"#))
        #expect(text.contains(#"password='b\\\' host=x'"#))
        #expect(text.contains("hostaddr='192.0.2.1'"))
        #expect(text.contains("gssencmode='disable'"))
    }

    @Test(arguments: [
        (#"connection to server at "127.0.0.1", port 1 failed: FATAL:  28P01"#, StoreTrouble.server(.wrongPassword)),
        ("connection to server failed: FATAL:  3D000\n", .server(.unknownDatabase)),
        ("connection to server failed: FATAL:  53300", .server(.tooManyConnections)),
        ("connection to server failed: FATAL:  57P03", .server(.notReady)),
        ("connection failed: fe_sendauth: no password supplied", .server(.wrongPassword)),
        (
            "connection failed: server does not support SSL, but SSL was required",
            .server(.tls("connection failed: server does not support SSL, but SSL was required"))
        ),
        (
            "connection failed: SSL error: certificate verify failed",
            .server(.untrusted("connection failed: SSL error: certificate verify failed"))
        ),
        (
            #"connection failed: server certificate for "a" does not match host name "b""#,
            .server(.wrongName(#"connection failed: server certificate for "a" does not match host name "b""#))
        ),
        ("connection failed: Connection refused", .server(.unreachable("connection failed: Connection refused"))),
        ("", .server(.unreachable(""))),
    ])
    func `libpq's words about a connection become a trouble with a name`(words: String, trouble: StoreTrouble) {
        #expect(StoreTrouble(dialling: words) == trouble)
        #expect(!trouble.words.isEmpty)
    }
}
