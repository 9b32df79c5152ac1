"""How a stream begins."""

from __future__ import annotations

import random as random_module
from typing import Callable, Optional

from .stream import Stream
from .timing import Clock
from .tokens import GetToken
from .transport import Connector, WebSocketTransport


def connect(
    url: str,
    *,
    get_token: Optional[GetToken] = None,
    heartbeat_ms: int = 5_000,
    release_ms: int = 1_000,
    resume: Optional[str] = None,
    stamps: bool = False,
    connector: Connector = WebSocketTransport,
    clock: Optional[Clock] = None,
    random: Callable[[], float] = random_module.random,
) -> Stream:
    """
    Connects to a gateway, and connects again by itself whenever that is lost. Call it in a running event loop.

    ``url``: as ``wss://host/ws/ticks``, without parameters of the stream. ``get_token``: asked when a token is needed,
    may be async. ``heartbeat_ms``: a connection that is silent for twice as long is given up; 0: never.
    ``release_ms``: how long the gateway keeps an entry that nobody wants any more. ``resume``: the ``position`` of an
    earlier stream, for subscriptions made before the next ``await``. ``stamps``: adds ``published`` to ticks.
    ``connector``, ``clock`` and ``random`` are for tests.
    """
    return Stream(
        url,
        get_token=get_token,
        heartbeat_ms=heartbeat_ms,
        release_ms=release_ms,
        resume=resume,
        stamps=stamps,
        connector=connector,
        clock=clock,
        random=random,
    )
