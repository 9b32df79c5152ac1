"""The life of one WebSocket: reads messages, notices when it is dead, and says once why it has ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from .timing import Clock, Timer
from .transport import Connector

_FIRST_MESSAGE_MS = 20_000
"""From the begin of the connection to the first message. A busy gateway makes a handshake wait up to ten seconds."""
_RETRY_AFTER_MAX_MS = 300_000
_FINAL_CLOSE_CODES = (1002, 1003, 1007, 1008, 1009, 1010, 1011, 4003)
"""The client broke a rule, or hit a bug of the gateway: coming back unchanged would end in the same way."""
_UNAUTHORIZED_CLOSE_CODES = (4001, 4002)


@dataclass(frozen=True)
class ConnectionEnd:
    """Why a connection has ended, or could not begin."""

    code: str
    reason: str
    retryable: bool
    close_code: Optional[int] = None
    status: Optional[int] = None
    refusal_code: Optional[str] = None
    """The code in the body of the response that refused the connection."""
    delay_ms: Optional[float] = None
    """What the gateway asks to wait."""


class Connection:
    def __init__(
        self,
        url: str,
        token: Optional[str],
        *,
        connector: Connector,
        clock: Clock,
        heartbeat_ms: int,
        on_message: Callable[[Mapping[str, Any]], None],
        on_end: Callable[[ConnectionEnd], None],
    ) -> None:
        self._token = token
        self._clock = clock
        self._heartbeat_ms = heartbeat_ms
        self._on_message = on_message
        self._on_end = on_end
        self._has_heard = False
        self._has_ended = False
        self._last_heard_ms = clock.now_ms()
        self._goodbye: Optional[Tuple[str, float]] = None
        self._timer: Optional[Timer] = clock.call_later(
            _FIRST_MESSAGE_MS, lambda: self.fail("timeout", "the gateway sent no first message")
        )
        self._transport = connector(url, self)

    def send(self, command: Dict[str, Any]) -> None:
        if not self._has_ended:
            self._transport.send(json.dumps(command, separators=(",", ":"), ensure_ascii=False))

    def announce_goodbye(self, reason: str, delay_ms: float) -> None:
        """The gateway closes the connection next, and says when to come back."""
        self._goodbye = (reason, delay_ms)

    def fail(self, code: str, reason: str) -> None:
        """Ends a connection that cannot be trusted any more."""
        self._end(ConnectionEnd(code, reason, True))

    def close(self) -> None:
        """Ends the connection without telling anybody."""
        self._release()
        self._transport.abort()

    # For the transport:

    def opened(self) -> None:
        if self._token is not None:
            self.send({"type": "auth", "token": self._token})

    def received(self, data: str) -> None:
        if self._has_ended:
            return
        self._last_heard_ms = self._clock.now_ms()
        if not self._has_heard:
            self._has_heard = True
            self._watch()
        try:
            message = json.loads(data)
            if not isinstance(message, dict):
                raise ValueError("it is no object")
        except ValueError as error:
            self.fail("malformed", f"a message cannot be read: {error}")
            return
        self._on_message(message)

    def closed(self, close_code: int, reason: str, error: str) -> None:
        if close_code in _UNAUTHORIZED_CLOSE_CODES:
            self._end(ConnectionEnd("unauthorized", reason, False, close_code))
        elif self._goodbye is not None:
            said, delay_ms = self._goodbye
            self._end(ConnectionEnd("goodbye", said, True, close_code, delay_ms=delay_ms))
        else:
            text = reason or error or f"closed with {close_code}"
            self._end(ConnectionEnd("closed", text, close_code not in _FINAL_CLOSE_CODES, close_code))

    def refused(self, status: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> None:
        is_final = 300 <= status < 500 and status not in (408, 425, 429)
        seconds = str(headers.get("retry-after", ""))
        delay_ms = min(_RETRY_AFTER_MAX_MS, int(seconds) * 1000) if seconds.isdecimal() else None
        self._end(
            ConnectionEnd(
                "unauthorized" if status in (401, 403) else "refused",
                str(body.get("message") or f"refused with {status}"),
                not is_final,
                status=status,
                refusal_code=body.get("code"),
                delay_ms=delay_ms or None,
            )
        )

    def _watch(self) -> None:
        """
        After one and a half heartbeats of silence the client asks, half a heartbeat later it gives up. The second wait
        begins when the first is over, however late: what came while the loop was blocked is read in between.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heartbeat_ms == 0 or self._has_ended:
            return
        quiet_ms = 1.5 * self._heartbeat_ms
        asked_ms = 0.0

        def give_up() -> None:
            if self._last_heard_ms >= asked_ms:
                self._watch()
            else:
                self.fail("silent", "the gateway sends nothing any more")

        def ask() -> None:
            nonlocal asked_ms
            asked_ms = self._clock.now_ms()
            if asked_ms - self._last_heard_ms < quiet_ms:
                self._watch()
                return
            self.send({"type": "ping", "id": 0})
            self._timer = self._clock.call_later(self._heartbeat_ms / 2, give_up)

        self._timer = self._clock.call_later(self._last_heard_ms + quiet_ms - self._clock.now_ms(), ask)

    def _end(self, end: ConnectionEnd) -> None:
        if self._has_ended:
            return
        self._release()
        self._transport.abort()
        self._on_end(end)

    def _release(self) -> None:
        self._has_ended = True
        if self._timer is not None:
            self._timer.cancel()
