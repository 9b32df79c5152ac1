"""What a subscription yields, in its order. Gaps and states are items like ticks, so nobody reads past a loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, List, Literal, Mapping, Optional, Union

Tick = Mapping[str, Any]
"""A tick as JSON has it: ``symbol``, ``kind``, and the fields of its schema. ``sequence`` is a string from 2**53 on."""

State = Literal["connecting", "replaying", "live", "reconnecting", "closed"]


@dataclass(frozen=True)
class Ticks:
    """New ticks, in the order of the stream."""

    type: ClassVar[str] = "ticks"
    ticks: List[Tick]
    position: str
    """``<epoch>:<offset>`` behind these ticks: where a later client may resume."""
    merged: int = 0
    """How many older ticks were left out because these are newer."""
    published: Optional[int] = None
    """When the gateway published the ticks, µs since the Unix epoch. Only with ``stamps``."""


@dataclass(frozen=True)
class Snapshot:
    """The latest tick of each symbol and kind: what is known of these symbols from here on."""

    type: ClassVar[str] = "snapshot"
    ticks: List[Tick]
    position: str
    more: bool = False
    """More items of this snapshot follow."""
    incomplete: bool = False
    """The gateway has no room for the latest ticks of all symbols: some may be missing."""


@dataclass(frozen=True)
class Gap:
    """Ticks are missing."""

    type: ClassVar[str] = "gap"
    reason: str
    """As the gateway says, or ``overflow``: the reader of this subscription was too slow for its queue."""
    start: int
    """The first missing offset. Without offsets of their own, the ticks stand before it, and ``end`` is one less."""
    end: int
    missed: Optional[int]
    """How many. None: nobody knows."""
    epoch: Optional[str] = None
    """An epoch begins here."""


@dataclass(frozen=True)
class Transition:
    """A change of the state of the stream, and why it changed."""

    state: State
    code: str
    """Stable, for programs: docs/client-sdk.md lists the codes."""
    reason: str = ""
    retryable: bool = True
    """Whether the client goes on by itself."""
    close_code: Optional[int] = None
    status: Optional[int] = None
    """Of the HTTP response that refused the connection."""
    delay_ms: Optional[float] = None
    """The wait before the next connection."""


@dataclass(frozen=True)
class Status(Transition):
    """The stream or the feed of the gateway is in another state. Prices are fresh while both are live."""

    type: ClassVar[str] = "status"
    feed: str = "live"
    since: Optional[int] = None
    """Since when the feed is in this state, µs since the Unix epoch."""
    feed_reason: Optional[str] = None


@dataclass(frozen=True)
class Refused:
    """The gateway does not serve one entry of the subscription. The others go on."""

    type: ClassVar[str] = "refused"
    symbol: str
    code: str
    message: str


Item = Union[Ticks, Snapshot, Gap, Status, Refused]
