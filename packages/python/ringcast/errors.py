"""The errors that end a stream or a subscription."""


class RingcastError(Exception):
    """Has a stable ``code``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class UnauthorizedError(RingcastError):
    """The gateway does not accept the token: call ``set_token`` with another one."""


class StreamClosedError(RingcastError):
    """The gateway ends the stream: the same client must not come back unchanged."""


class StreamOverflowError(RingcastError):
    """The reader was too slow for the queue of a subscription with ``overflow="close"``."""
