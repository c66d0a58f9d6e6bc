import Gateway

/// Shows an operator something.
public enum Console {}
