"""The URL of a connection: what the caller gave, and what the client adds."""

from __future__ import annotations

from typing import Optional
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

from .entries import EVERY, UrlPart

_OWN_PARAMETERS = ("symbols", "delivery", "interval", "snapshot", "resume", "since", "batch", "heartbeat", "stamps")


def check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss"):
        raise ValueError(f"the URL must begin with ws:// or wss://, got {url!r}")
    own = [name for name in _OWN_PARAMETERS if name in parse_qs(parts.query, keep_blank_values=True)]
    if own:
        raise ValueError(f"leave {own[0]!r} out of the URL: it is an option of connect or subscribe")


def stream_url(url: str, heartbeat_ms: int, stamps: bool, part: Optional[UrlPart]) -> str:
    pairs = [("symbols", "" if part is None else ",".join(entry.name for entry in part.entries))]
    if part is not None:
        if part.rank != EVERY:
            pairs += [("delivery", "latest"), ("interval", str(part.rank))]
        pairs.append(("resume", str(part.position)))
    if heartbeat_ms > 0:
        pairs.append(("heartbeat", str(heartbeat_ms)))
    if stamps:
        pairs.append(("stamps", "true"))
    parts = urlsplit(url)
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)
    return urlunsplit(parts._replace(query=f"{parts.query}&{query}" if parts.query else query))
