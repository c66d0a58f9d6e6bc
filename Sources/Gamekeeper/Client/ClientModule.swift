import Web

/// The JavaScript client as the server gives it out: the file of `Clients/js`, which lies here as a link.
enum ClientModule {
    /// Answers `/client.js`.
    static func add(to routes: inout Routes) {
        let files = EmbeddedFiles([.init("client.js", PackageResources.client_js)])
        routes.get("/client.js") { files.answer($0, path: "client.js") }
    }
}
