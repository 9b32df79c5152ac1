"""A client of Ringcast: streams of ticks that are exact across connections. docs/client-sdk.md is the specification."""

from . import blocking
from .connecting import connect
from .errors import RingcastError, StreamClosedError, StreamOverflowError, UnauthorizedError
from .items import Gap, Item, Refused, Snapshot, State, Status, Tick, Ticks, Transition
from .stream import Stream
from .subscription import Subscription
from .tokens import GetToken

__all__ = [
    "Gap",
    "GetToken",
    "Item",
    "Refused",
    "RingcastError",
    "Snapshot",
    "State",
    "Status",
    "Stream",
    "StreamClosedError",
    "StreamOverflowError",
    "Subscription",
    "Tick",
    "Ticks",
    "Transition",
    "UnauthorizedError",
    "blocking",
    "connect",
]
