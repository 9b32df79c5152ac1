"""Where the items go: makes them of what a session tells, and gives each to the subscriptions that it concerns."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Callable, Collection, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from .entries import Entries, Entry, covers
from .items import Gap, Item, Refused, Snapshot, Status, Tick, Ticks, Transition
from .position import Position, read_position
from .subscription import Subscription

Message = Mapping[str, Any]


class Outlets:
    def __init__(self, entries: Entries, where: Callable[[], Optional[Position]]) -> None:
        """``where`` says where the session is; None: there is none."""
        self._entries = entries
        self._where = where
        self._subscriptions: Dict[Subscription, None] = {}
        # Of each symbol: the subscriptions that have entries for it, and its latest ticks by kind.
        self._records: Dict[str, Tuple[Dict[Subscription, List[Entry]], Dict[str, Tick]]] = {}
        self._feed = "live"
        self._since: Optional[int] = None
        self._feed_reason: Optional[str] = None
        self._last: Optional[Position] = None

    def add(
        self, subscription: Subscription, snapshot: bool, at: Optional[Position], transition: Transition
    ) -> None:
        """``at`` is where the stream is; None: there is no connection."""
        self._subscriptions[subscription] = None
        for symbol, (readers, _) in self._records.items():
            own = self._entries_for(subscription, symbol)
            if own:
                readers[subscription] = own
        subscription.push(self.status(transition))
        if not snapshot or at is None:
            return
        # The gateway sends a snapshot of entries of which this client has had none.
        ticks = [
            tick
            for readers, latest in self._records.values()
            if any(entry.is_active for entry in readers.get(subscription, ()))
            for tick in latest.values()
        ]
        if ticks:
            subscription.push(Snapshot(ticks, str(at)))

    def delete(self, subscription: Subscription) -> None:
        """Forgets the symbols that nobody wants any more."""
        self._subscriptions.pop(subscription, None)
        for symbol, (readers, _) in list(self._records.items()):
            readers.pop(subscription, None)
            if not readers:
                del self._records[symbol]

    def latest(self, symbol: str, kind: Optional[str]) -> Optional[Tick]:
        record = self._records.get(symbol)
        if record is None or not record[1]:
            return None
        return next(reversed(record[1].values())) if kind is None else record[1].get(kind)

    def status(self, transition: Transition) -> Status:
        return Status(
            **asdict(transition), feed=self._feed, since=self._since, feed_reason=self._feed_reason
        )

    def note(self) -> None:
        """The session has come so far."""
        self._last = self._where() or self._last

    @property
    def position(self) -> Optional[str]:
        """What readers have: where items wait, the place before them."""
        self.note()
        position = self._last
        for subscription in self._subscriptions:
            read = read_position(subscription.read_position)
            if not subscription.is_behind or read is None or position is None:
                continue
            if read.epoch != position.epoch or read.offset < position.offset:
                position = read
        return None if position is None else str(position)

    def ticks(self, message: Message, entries: Optional[Collection[Entry]]) -> None:
        self.note()
        position = str(self._last)
        merged = message.get("merged", 0)
        published = message.get("published")
        self._route(message["ticks"], lambda ticks: Ticks(ticks, position, merged, published), entries)

    def snapshot(self, message: Message, waiting: Collection[Entry]) -> None:
        self.note()
        position = str(self._last)
        more, incomplete = message.get("more", False), message.get("incomplete", False)
        reached = self._route(message["ticks"], lambda ticks: Snapshot(ticks, position, more, incomplete), None)
        for subscription in list(self._subscriptions):
            if subscription not in reached and self._has_any(subscription, waiting):
                subscription.push(Snapshot([], position, more, incomplete))

    def gap(self, message: Message, entries: Optional[Collection[Entry]]) -> None:
        item = Gap(message["reason"], message["from"], message["to"], message["missed"], message.get("epoch"))
        for subscription in list(self._subscriptions):
            if self._has_any(subscription, entries):
                subscription.push(item)

    def forget(self, entries: Optional[Iterable[Entry]] = None) -> None:
        """The gateway does not know where entries were: a loss of unknown size. None: all."""
        forgotten, offset = self._entries.forget_positions(entries)
        if forgotten:
            self.gap({"reason": "resume", "from": offset + 1, "to": offset, "missed": None}, forgotten)

    def refused(self, refusal: Message) -> None:
        item = Refused(refusal["symbol"], refusal["code"], refusal["message"])
        for subscription in list(self._subscriptions):
            if item.symbol in subscription.symbols:
                subscription.push(item)

    def feed_changed(self, message: Message, transition: Transition) -> None:
        if message["feed"] == self._feed and message["since"] == self._since:
            return
        self._feed = message["feed"]
        self._since = message["since"]
        self._feed_reason = message.get("reason")
        self.state_changed(transition)

    def state_changed(self, transition: Transition) -> None:
        status = self.status(transition)
        for subscription in list(self._subscriptions):
            subscription.push(status)

    def end(self, error: Optional[Exception]) -> None:
        """None: the stream goes on after all."""
        for subscription in list(self._subscriptions):
            subscription.end(error)

    def close(self) -> None:
        for subscription in list(self._subscriptions):
            subscription.close()

    def _route(
        self,
        ticks: List[Tick],
        item_of: Callable[[List[Tick]], Item],
        entries: Optional[Collection[Entry]],
    ) -> Set[Subscription]:
        """
        Gives each subscription its ticks: of the entries that the gateway serves. A tick that comes for another entry
        would not be followed by a replay, if the connection ended now. ``entries``: those whose ticks these are.
        """
        batches: Dict[Subscription, List[Tick]] = {}
        for tick in ticks:
            readers, latest = self._record_of(tick["symbol"])
            # The newest tick of any kind stands last.
            latest.pop(tick["kind"], None)
            latest[tick["kind"]] = tick
            for subscription, own in readers.items():
                if any(entry.is_active if entries is None else entry in entries for entry in own):
                    batches.setdefault(subscription, []).append(tick)
        for subscription, batch in batches.items():
            subscription.push(item_of(batch))
        return set(batches)

    def _record_of(self, symbol: str) -> Tuple[Dict[Subscription, List[Entry]], Dict[str, Tick]]:
        record = self._records.get(symbol)
        if record is None:
            readers = {each: self._entries_for(each, symbol) for each in self._subscriptions}
            record = ({each: own for each, own in readers.items() if own}, {})
            # Without a subscription the tick is a late one: nothing is kept of it.
            if record[0]:
                self._records[symbol] = record
        return record

    def _has_any(self, subscription: Subscription, entries: Optional[Collection[Entry]]) -> bool:
        """None: entries that the gateway serves."""
        own = filter(None, map(self._entries.get, subscription.symbols))
        return any(entry.is_active if entries is None else entry in entries for entry in own)

    def _entries_for(self, subscription: Subscription, symbol: str) -> List[Entry]:
        names = [name for name in subscription.symbols if covers(name, symbol)]
        return [entry for entry in map(self._entries.get, names) if entry is not None]
