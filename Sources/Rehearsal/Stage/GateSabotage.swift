/// Something that is broken on purpose, to see that it is noticed: a checker that has never failed checks nothing.
public enum GateSabotage: String, CaseIterable, Sendable {
    /// A reliable event is not sent.
    case loseEvent
    /// A reliable event is sent twice.
    case doubleEvent
    /// A message of a topic is not published.
    case loseNews
    /// An answer belongs to another call.
    case crossAnswers
    /// A client's answer belongs to another question.
    case crossQuestions
    /// A response comes twice.
    case doubleAnswer
    /// A response does not come.
    case swallowAnswer
    /// A call with a key has its effect twice.
    case buyTwice
    /// A step comes twice, without the number that would tell so.
    case repeatStep
    /// A step is not done.
    case loseStep
    /// A socket that was replaced goes on acting.
    case actAsReplaced
    /// A socket that was replaced goes on hearing.
    case speakToReplaced
    /// Somebody does not let go of a timer.
    case keepTimer
    /// Somebody does not let go of the gate.
    case keepGate
    /// Sessions are not given the time to end.
    case keepSessions
    /// Outcomes are not given the time to be forgotten.
    case keepOutcomes
    /// A handler that answers later does not end.
    case strandHandler

    /// What the complaint about it says.
    public var complaint: String {
        switch self {
        case .loseEvent, .doubleEvent: "told"
        case .loseNews: "news"
        case .crossAnswers: "is answered by"
        case .crossQuestions: "was asked"
        case .doubleAnswer: "which waits for none"
        case .swallowAnswer: "waits too long"
        case .buyTwice: "is bought twice"
        case .repeatStep: "is done twice"
        case .loseStep: "was never done"
        case .actAsReplaced: "has taken"
        case .speakToReplaced: "a later socket"
        case .keepTimer: "timers are left"
        case .keepGate: "the gate outlives"
        case .keepSessions: "sessions are left"
        case .keepOutcomes: "outcomes are left"
        case .strandHandler: "handlers"
        }
    }
}
