import Contracts

/// Decides who may knock, and how often.
public enum Gate {}
