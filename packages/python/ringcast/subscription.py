"""What the caller gets of ``subscribe``: an iterator over the items of its entries."""

from __future__ import annotations

import asyncio
from typing import AsyncIterator, Callable, Optional, Sequence, Tuple

from .errors import StreamOverflowError
from .item_queue import ItemQueue, Overflow
from .items import Item, Snapshot, Ticks


class Subscription(AsyncIterator[Item]):
    """
    ``async for item in subscription``. Items wait in a bounded queue until they are taken. Raises the error that ends the
    stream. ``close()`` ends the subscription, and so does leaving an ``async with`` block of it.
    """

    def __init__(
        self, symbols: Sequence[str], queue_ticks: int, overflow: Overflow, on_close: Callable[[], None]
    ) -> None:
        self.symbols: Tuple[str, ...] = tuple(symbols)
        self.error: Optional[Exception] = None
        """What has ended the stream; None while it goes on."""
        self.read_position: Optional[str] = None
        """``<epoch>:<offset>`` behind the last item with ticks that was taken."""
        self._queue = ItemQueue(queue_ticks, overflow)
        self._on_close = on_close
        self._is_closed = False
        self._waiter: Optional["asyncio.Future[None]"] = None

    @property
    def is_behind(self) -> bool:
        """Whether items wait for the reader."""
        return len(self._queue) > 0

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Item:
        while not self._queue:
            if self.error is not None:
                raise self.error
            if self._is_closed:
                raise StopAsyncIteration
            if self._waiter is not None:
                raise RuntimeError("wait for one item before you ask for the next")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        item = self._queue.shift()
        if isinstance(item, (Ticks, Snapshot)):
            self.read_position = item.position
        return item

    async def __aenter__(self) -> "Subscription":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the subscription. The gateway is told some time later, unless somebody subscribes again meanwhile."""
        if self._is_closed:
            return
        self._is_closed = True
        self._queue.clear()
        self._on_close()
        self._wake()

    def push(self, item: Item) -> None:
        """For the stream."""
        if self._is_closed:
            return
        if not self._queue.push(item):
            self.error = StreamOverflowError(
                "overflow", "the reader of this subscription is too slow for its queue"
            )
            self.close()
        self._wake()

    def end(self, error: Optional[Exception]) -> None:
        """For the stream: it has ended. None: it goes on again."""
        self.error = error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
