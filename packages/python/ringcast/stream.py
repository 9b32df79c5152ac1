"""A stream of ticks that survives its connections: one connection at a time, the wait before the next, the end."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Dict, List, Literal, Mapping, Optional, Sequence, Union

from .backoff import Backoff
from .connection import Connection, ConnectionEnd
from .entries import EVERY, Entries, check_names
from .errors import StreamClosedError, UnauthorizedError
from .item_queue import Overflow
from .items import State, Status, Tick, Transition
from .outlets import Outlets
from .position import read_position
from .session import Session
from .stream_url import check_url, stream_url
from .subscription import Subscription
from .timing import Clock, LoopClock, SyncTimer, Timer
from .tokens import GetToken, Tokens
from .transport import Connector



class Stream:
    """Use ``connect``. Belongs to the event loop in which it was made."""

    def __init__(
        self,
        url: str,
        *,
        get_token: Optional[GetToken],
        heartbeat_ms: int,
        release_ms: int,
        resume: Optional[str],
        stamps: bool,
        connector: Connector,
        clock: Optional[Clock],
        random: Callable[[], float],
    ) -> None:
        check_url(url)
        if heartbeat_ms != 0 and not 1_000 <= heartbeat_ms <= 60_000:
            raise ValueError(f"heartbeat_ms must be 0, or from 1000 to 60000, got {heartbeat_ms}")
        if resume is not None and read_position(resume) is None:
            raise ValueError(f"resume must be <epoch>:<offset>, got {resume!r}")
        loop = asyncio.get_running_loop()
        self._url = url
        self._tokens = Tokens(get_token)
        self._heartbeat_ms = heartbeat_ms
        self._release_ms = release_ms
        self._stamps = stamps
        self._connector = connector
        self._clock = clock or LoopClock(loop)
        self._entries = Entries(self._clock)
        self._entries.first_position = read_position(resume)
        self._outlets = Outlets(self._entries, lambda: None if self._session is None else self._session.position)
        # The session tells these without a detour.
        self.ticks = self._outlets.ticks
        self.snapshot = self._outlets.snapshot
        self.gap = self._outlets.gap
        self.forgotten = self._outlets.forget
        self.refused = self._outlets.refused
        self._backoff = Backoff(self._clock, random)
        self._sync_timer = SyncTimer(self._clock, self._sync)
        self._state_listeners: List[Callable[[Transition], None]] = []
        self._transition = Transition("connecting", "started")
        self._connection: Optional[Connection] = None
        self._session: Optional[Session] = None
        self._retry_timer: Optional[Timer] = None
        self._failure: Optional[Exception] = None
        # How many connections have ended before their first message.
        self._unopened = 0
        # Subscriptions that are made in the same task go into the first connection.
        loop.call_soon(self._open)

    @property
    def state(self) -> State:
        return self._transition.state

    @property
    def status(self) -> Status:
        """The present state, and the state of the feed."""
        return self._outlets.status(self._transition)

    @property
    def position(self) -> Optional[str]:
        """``<epoch>:<offset>``: readers have everything up to here. None: nothing yet."""
        return self._outlets.position

    def subscribe(
        self,
        symbols: Union[str, Sequence[str]],
        *,
        delivery: Literal["every", "latest"] = "every",
        interval_ms: int = 0,
        snapshot: Optional[bool] = None,
        since: Optional[str] = None,
        queue_ticks: int = 10_000,
        overflow: Optional[Overflow] = None,
    ) -> Subscription:
        """
        Subscribes to symbols, to prefixes (``ETH*``), or to all (``*``).

        ``delivery``: every tick, or the latest of each symbol and kind, once in ``interval_ms``. ``snapshot``: begin
        with the latest ticks; default: with ``latest``. ``since``: begin in the past, ``-15m`` or a time (RFC 3339).
        ``queue_ticks``: how many ticks wait for the reader at most; ``overflow``: what happens beyond it, ``gap`` (the
        default), ``conflate`` (the default with ``latest``) or ``close``.
        """
        if self._failure is not None and not isinstance(self._failure, UnauthorizedError):
            raise self._failure
        names = list(dict.fromkeys([symbols] if isinstance(symbols, str) else symbols))
        check_names(names)
        rank = interval_ms if delivery == "latest" else EVERY
        begins = delivery == "latest" if snapshot is None else snapshot

        def on_close() -> None:
            self._outlets.delete(subscription)
            for name in names:
                self._entries.let_go(name, rank, self._release_ms)
            self._sync_soon(self._release_ms)

        policy: Overflow = overflow or ("conflate" if delivery == "latest" else "gap")
        subscription = Subscription(names, queue_ticks, policy, on_close)
        self._entries.hold_all(names, rank, begins, since)
        at = None if self._session is None else self._session.position
        self._outlets.add(subscription, begins, at, self._transition)
        subscription.end(self._failure)
        self._sync_soon(0)
        return subscription

    def latest(self, symbol: str, kind: Optional[str] = None) -> Optional[Tick]:
        """The newest tick of a symbol that a subscription has."""
        return self._outlets.latest(symbol, kind)

    def on_state(self, listener: Callable[[Transition], None]) -> Callable[[], None]:
        """Calls ``listener`` at each change of the state. Returns a function that removes it."""
        self._state_listeners.append(listener)
        return lambda: self._state_listeners.remove(listener)

    def set_token(self, token: str) -> None:
        """A new token, for this connection and later ones. Revives a stream that an UnauthorizedError has ended."""
        self._tokens.set(token)
        if self.state == "closed" and self._transition.code == "unauthorized":
            self._failure = None
            self._outlets.end(None)
            self._become(Transition("connecting", "token"))
            self._open()
        elif self._connection is not None:
            self._connection.send({"type": "auth", "token": token})

    def close(self) -> None:
        """Ends the stream and all subscriptions."""
        if self._transition.code == "ended":
            return
        if self._retry_timer is not None:
            self._retry_timer.cancel()
        self._tokens.stop()
        self._outlets.note()
        if self._connection is not None:
            self._connection.close()
        self._connection = self._session = None
        self._failure = StreamClosedError("ended", "the stream was closed here")
        self._become(Transition("closed", "ended", retryable=False))
        self._outlets.close()
        self._sync_timer.stop()

    async def __aenter__(self) -> "Stream":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    # For the session:

    def opened(self) -> None:
        self._unopened = 0
        self._backoff.up()
        self._tokens.accepted()
        if self._session is not None and self._session.is_replaying:
            self._become(Transition("replaying", "open"))

    def settled(self) -> None:
        self._note_live()
        self._sync_soon(0)

    def feed_changed(self, message: Mapping[str, Any]) -> None:
        self._outlets.feed_changed(message, self._transition)

    def goodbye(self, message: Mapping[str, Any]) -> None:
        if self._connection is not None:
            self._connection.announce_goodbye(message["reason"], message["reconnectAfterMs"])

    def token_expiring(self) -> None:
        self._tokens.start(self._tokens.renew(lambda token: self._send({"type": "auth", "token": token})))

    def must_wait(self, delay_ms: float) -> None:
        self._sync_timer.hold_back(delay_ms)

    def broken(self, reason: str) -> None:
        if self._connection is not None:
            self._connection.fail("sequence", reason)

    # Connections:

    def _open(self) -> None:
        if self._retry_timer is not None:
            self._retry_timer.cancel()
        if self.state == "closed" or self._connection is not None:
            return
        if self._tokens.must_be_asked:
            self._tokens.start(self._open_with_token())
        else:
            self._connect()

    async def _open_with_token(self) -> None:
        try:
            await self._tokens.ask()
        except Exception as error:  # pylint: disable=broad-except
            is_final = isinstance(error, UnauthorizedError)
            code = "unauthorized" if is_final else "token"
            self._ended(ConnectionEnd(code, f"get_token failed: {error}", not is_final))
            return
        self._connect()

    def _connect(self) -> None:
        if self.state == "closed" or self._connection is not None:
            return
        # A refused URL looks like a gateway that is down where nobody sees the response. So each second try names nothing.
        part = self._entries.url_part() if self._unopened % 2 == 0 else None
        self._entries.first_position = None
        self._unopened += 1
        session = Session(self._entries, part, self, self._send)
        self._session = session
        self._connection = Connection(
            stream_url(self._url, self._heartbeat_ms, self._stamps, part),
            self._tokens.present,
            connector=self._connector,
            clock=self._clock,
            heartbeat_ms=self._heartbeat_ms,
            on_message=session.take,
            on_end=self._ended,
        )

    def _send(self, command: Dict[str, Any]) -> None:
        if self._connection is not None:
            self._connection.send(command)

    def _ended(self, end: ConnectionEnd) -> None:
        """The connection has ended, or could not begin."""
        if self.state == "closed":
            return
        self._outlets.note()
        if self._session is not None:
            self._session.end()
        self._session = self._connection = None
        self._sync_timer.stop()
        is_unauthorized = end.code == "unauthorized"
        is_retried = self._tokens.refused() if is_unauthorized else end.retryable or self._forgot_positions(end)
        if not is_retried:
            kind = UnauthorizedError if is_unauthorized else StreamClosedError
            self._failure = kind(end.code, end.reason)
            self._become(Transition("closed", end.code, end.reason, False, end.close_code, end.status))
            self._outlets.end(self._failure)
            return
        delay_ms: float = 0
        if not is_unauthorized:
            delay_ms = self._backoff.next_delay_ms() if end.delay_ms is None else end.delay_ms
        facts = (end.code, end.reason, True, end.close_code, end.status, delay_ms)
        self._become(Transition("reconnecting", *facts))
        self._retry_timer = self._clock.call_later(delay_ms, self._open)

    def _forgot_positions(self, end: ConnectionEnd) -> bool:
        """Whether the gateway refused only the place to resume from. Then the next connection begins anew."""
        if end.refusal_code != "bad_resume":
            return False
        self._outlets.forget()
        return True

    def _become(self, transition: Transition) -> None:
        self._transition = transition
        for listener in list(self._state_listeners):
            try:
                listener(transition)
            except Exception as error:  # pylint: disable=broad-except
                # A listener that raises costs nobody else a tick.
                context = {"message": "a listener of the state has raised", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)
        self._outlets.state_changed(transition)

    def _note_live(self) -> None:
        if self.state != "live" and self._session is not None and self._session.is_live:
            self._become(Transition("live", "live"))

    def _sync_soon(self, delay_ms: float) -> None:
        if self._session is not None:
            self._sync_timer.schedule(delay_ms)

    def _sync(self) -> None:
        if self._session is None:
            return
        self._session.sync()
        # Entries that were waited for may have been let go of.
        self._note_live()
        delay_ms = self._entries.release_delay_ms()
        if delay_ms is not None and delay_ms > 0:
            self._sync_timer.schedule(delay_ms)
