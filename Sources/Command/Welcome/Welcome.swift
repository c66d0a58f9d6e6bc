import Web

/// What a newcomer sees at the address that `./run` prints.
enum Welcome {
    static var routes: Routes {
        var routes = Routes()
        routes.get("/") { $0.respond(.ok, "Gamekeeper runs.\n") }
        return routes
    }
}
