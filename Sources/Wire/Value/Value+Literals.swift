// Values written down in code: `["stun_remaining_ms": 500, "weapons": ["sword", "bow"]]`.
extension Value: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringInterpolation, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    /// Nothing.
    public init(nilLiteral: ()) { self = .null }
    /// True or false.
    public init(booleanLiteral flag: Bool) { self = .bool(flag) }
    /// A whole number.
    public init(integerLiteral number: Int64) { self = .int(number) }
    /// A number with a fraction.
    public init(floatLiteral number: Double) { self = .double(number) }
    /// A text.
    public init(stringLiteral text: String) { self = .string(text) }
    /// Values in order.
    public init(arrayLiteral elements: Value...) { self = .array(elements) }
    /// Values by key, in order; of the same key twice, the last value stays.
    public init(dictionaryLiteral elements: (String, Value)...) {
        var object = Object()
        for (key, value) in elements { object[key] = value }
        self = .object(object)
    }
}
