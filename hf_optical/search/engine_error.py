"""What is wrong with a search engine on the network, and the way out, in one line."""


class EngineError(OSError):
    """The engine cannot be reached, refuses the key, or did not do what was asked of it."""
