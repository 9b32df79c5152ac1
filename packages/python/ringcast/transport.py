"""One WebSocket, made of the package ``websockets``: opens it, and calls back with what comes."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Callable, Mapping, Optional, Protocol

import websockets
from websockets.exceptions import ConnectionClosed

_CLOSE_TIMEOUT_S = 2
# Its types differ from version to version.
_connect: Any = getattr(websockets, "connect")
_ABNORMAL = 1006


class TransportEvents(Protocol):
    """Nothing is called after ``closed`` or ``refused``, nor after ``Transport.abort``."""

    def opened(self) -> None: ...
    def received(self, data: str) -> None: ...
    def closed(self, close_code: int, reason: str, error: str) -> None: ...
    def refused(self, status: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> None: ...


class Transport(Protocol):
    def send(self, text: str) -> None: ...
    def abort(self) -> None: ...


Connector = Callable[[str, TransportEvents], Transport]
"""Begins to open a WebSocket. Tests put another one in its place."""


class WebSocketTransport:
    def __init__(self, url: str, events: TransportEvents) -> None:
        self._events = events
        self._outgoing: "asyncio.Queue[str]" = asyncio.Queue()
        self._is_over = False
        self._task = asyncio.get_running_loop().create_task(self._run(url))

    def send(self, text: str) -> None:
        self._outgoing.put_nowait(text)

    def abort(self) -> None:
        self._is_over = True
        self._task.cancel()

    async def _run(self, url: str) -> None:
        writer: Optional["asyncio.Task[None]"] = None
        socket: Any = None
        try:
            # Of pings the gateway takes care, and of silence the connection above.
            socket = await _connect(url, max_size=None, ping_interval=None, close_timeout=_CLOSE_TIMEOUT_S)
            if self._is_over:
                return
            self._events.opened()
            writer = asyncio.get_running_loop().create_task(self._write(socket))
            while True:
                data = await socket.recv()
                if self._is_over:
                    return
                self._events.received(data if isinstance(data, str) else bytes(data).decode())
        except asyncio.CancelledError:
            raise
        except Exception as error:  # pylint: disable=broad-except
            # Whatever has ended it, names, sockets, TLS or the protocol: the stream comes back.
            self._tell(error)
        finally:
            self._is_over = True
            if writer is not None:
                writer.cancel()
            if socket is not None and not _has_closed(socket):
                socket.transport.abort()

    async def _write(self, socket: Any) -> None:
        try:
            while True:
                await socket.send(await self._outgoing.get())
        except ConnectionClosed:
            # The reader notices the same, and tells.
            return

    def _tell(self, error: Exception) -> None:
        if self._is_over:
            return
        # `status_code` of websockets 10 to 12, `response` of later ones.
        response = getattr(error, "response", error)
        status = getattr(response, "status_code", None)
        if isinstance(status, int):
            body = getattr(response, "body", None)
            self._events.refused(status, getattr(response, "headers", {}), _read_body(body))
        elif isinstance(error, ConnectionClosed):
            frame = error.rcvd
            code, reason = (_ABNORMAL, "") if frame is None else (frame.code, frame.reason)
            self._events.closed(code, reason, "")
        else:
            self._events.closed(_ABNORMAL, "", str(error) or type(error).__name__)


def _has_closed(socket: Any) -> bool:
    return getattr(socket, "close_code", None) is not None


def _read_body(body: Optional[bytes]) -> Mapping[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
