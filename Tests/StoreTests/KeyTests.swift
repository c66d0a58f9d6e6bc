import Base
import Testing

@testable import Store
