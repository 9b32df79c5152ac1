"""The wait before the next connection: random below a cap that doubles with each failure ("full jitter")."""

from __future__ import annotations

from typing import Callable, Optional

from .timing import Clock

_MIN_MS = 500
_MAX_MS = 20_000
_FORGOTTEN_AFTER_MS = 5_000
"""A connection that lived so long has shown that the gateway is well."""


class Backoff:
    def __init__(self, clock: Clock, random: Callable[[], float]) -> None:
        self._clock = clock
        self._random = random
        self._failures = 0
        self._up_since: Optional[float] = None

    def up(self) -> None:
        """The gateway has let the client in."""
        self._up_since = self._clock.now_ms()

    def next_delay_ms(self) -> int:
        """The connection has ended. Returns how long to wait."""
        if self._up_since is not None and self._clock.now_ms() - self._up_since >= _FORGOTTEN_AFTER_MS:
            self._failures = 0
        self._up_since = None
        cap_ms = min(_MAX_MS, _MIN_MS * 2 ** min(self._failures, 10))
        self._failures += 1
        return int(self._random() * cap_ms + 0.5)
