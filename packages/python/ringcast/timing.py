"""Time that only moves on, and when commands may be sent."""

from __future__ import annotations

import asyncio
import math
from typing import Callable, Optional, Protocol


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """Tests put another one in its place."""

    def now_ms(self) -> float: ...

    def call_later(self, delay_ms: float, callback: Callable[[], None]) -> Timer: ...


class LoopClock:
    """The clock of an event loop: nobody can set it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now_ms(self) -> float:
        return self._loop.time() * 1000

    def call_later(self, delay_ms: float, callback: Callable[[], None]) -> Timer:
        return self._loop.call_later(max(0.0, delay_ms) / 1000, callback)


_EVERY_MS = 50
"""The least time between two rounds of commands: the gateway takes 50 a second."""


class SyncTimer:
    """Says when commands may be sent: those of one task together, and not more often than the gateway takes them."""

    def __init__(self, clock: Clock, run: Callable[[], None]) -> None:
        self._clock = clock
        self._run = run
        self._timer: Optional[Timer] = None
        self._due_ms = math.inf
        self._not_before_ms = -math.inf

    def schedule(self, delay_ms: float) -> None:
        """Runs after the delay, or earlier."""
        now_ms = self._clock.now_ms()
        due_ms = max(self._not_before_ms, now_ms + delay_ms)
        if due_ms >= self._due_ms:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due_ms = due_ms
        self._timer = self._clock.call_later(due_ms - now_ms, self._fire)

    def hold_back(self, delay_ms: float) -> None:
        """Runs after the delay, and not before."""
        self.stop()
        self._not_before_ms = self._clock.now_ms() + delay_ms
        self.schedule(delay_ms)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due_ms = math.inf

    def _fire(self) -> None:
        self._due_ms = math.inf
        self._not_before_ms = self._clock.now_ms() + _EVERY_MS
        self._run()
