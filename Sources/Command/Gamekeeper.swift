@main struct GamekeeperCommand {
    static func main() {}
}
