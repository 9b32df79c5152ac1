"""The same for programs without an event loop: a thread runs one."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Callable, Coroutine, Iterator, Optional, Sequence, TypeVar, Union

from .connecting import connect as connect_async
from .items import Item, State, Status, Tick
from .stream import Stream
from .subscription import Subscription

Result = TypeVar("Result")


class BlockingSubscription(Iterator[Item]):
    """``for item in subscription``: waits for each item."""

    def __init__(self, stream: "BlockingStream", subscription: Subscription) -> None:
        self._stream = stream
        self._subscription = subscription

    def __iter__(self) -> "BlockingSubscription":
        return self

    def __next__(self) -> Item:
        async def take() -> Optional[Item]:
            # StopAsyncIteration cannot leave a coroutine.
            return await anext(self._subscription, None)

        item = self._stream.run(take())
        if item is None:
            raise StopIteration
        return item

    def close(self) -> None:
        self._stream.call(self._subscription.close)


class BlockingStream:
    """Use ``connect`` of this module. May be used by several threads."""

    def __init__(self, url: str, options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ringcast", daemon=True)
        self._thread.start()
        self._has_closed = False

        async def make() -> Stream:
            return connect_async(url, **options)

        try:
            self._stream = self.run(make())
        except BaseException:
            self._end_loop()
            raise

    @property
    def state(self) -> State:
        return self._stream.state

    @property
    def status(self) -> Status:
        return self.call(lambda: self._stream.status)

    @property
    def position(self) -> Optional[str]:
        return self.call(lambda: self._stream.position)

    def subscribe(self, symbols: Union[str, Sequence[str]], **options: Any) -> BlockingSubscription:
        """As ``Stream.subscribe``."""
        return BlockingSubscription(self, self.call(lambda: self._stream.subscribe(symbols, **options)))

    def latest(self, symbol: str, kind: Optional[str] = None) -> Optional[Tick]:
        return self.call(lambda: self._stream.latest(symbol, kind))

    def set_token(self, token: str) -> None:
        self.call(lambda: self._stream.set_token(token))

    def close(self) -> None:
        """Ends the stream, its subscriptions and its thread."""
        if self._has_closed:
            return
        self.call(self._stream.close)
        self._has_closed = True
        self._end_loop()

    def __enter__(self) -> "BlockingStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """For subscriptions."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def call(self, function: Callable[[], Result]) -> Result:
        """For subscriptions. Calls in the thread of the stream."""
        if self._has_closed:
            raise RuntimeError("the stream is closed")

        async def work() -> Result:
            return function()

        return self.run(work())

    def _end_loop(self) -> None:
        async def rest() -> None:
            own = asyncio.current_task()
            tasks = [task for task in asyncio.all_tasks() if task is not own]
            await asyncio.gather(*tasks, return_exceptions=True)

        self.run(rest())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def connect(url: str, **options: Any) -> BlockingStream:
    """As ``ringcast.connect``, for ``with`` and ``for`` in place of ``async with`` and ``async for``."""
    return BlockingStream(url, options)
