"""Where the items go: makes them of what a session tells, and gives each to the subscriptions that it concerns."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Callable, Collection, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from .entries import Entries, Entry
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
        # Of each symbol: who gets its ticks, and its latest ticks by kind.
        self._records: Dict[str, Tuple[List[Subscription], Dict[str, Tick]]] = {}
        self._feed = "live"
        self._since: Optional[int] = None
        self._feed_reason: Optional[str] = None
        self._last: Optional[Position] = None

    def add(
        self, subscription: Subscription, snapshot: bool, at: Optional[Position], transition: Transition
    ) -> None:
        """``at`` is where the stream is; None: there is no connection."""
        self._subscriptions[subscription] = None
        for symbol, (subscriptions, _) in self._records.items():
            if _matches(subscription, symbol):
                subscriptions.append(subscription)
        subscription.push(self.status(transition))
        if not snapshot or at is None:
            return
        # The gateway sends a snapshot of entries of which this client has had none.
        records = self._records.values()
        ticks = [tick for subscriptions, latest in records if subscription in subscriptions for tick in latest.values()]
        if ticks:
            subscription.push(Snapshot(ticks, str(at)))

    def delete(self, subscription: Subscription) -> None:
        """Forgets the symbols that nobody wants any more."""
        self._subscriptions.pop(subscription, None)
        for symbol, (subscriptions, _) in list(self._records.items()):
            if subscription in subscriptions:
                subscriptions.remove(subscription)
            if not subscriptions:
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
            if entries is None or self._has_any(subscription, entries):
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
        """Gives each subscription its ticks. ``entries``: only to subscriptions that have one of them."""
        batches: Dict[Subscription, List[Tick]] = {}
        for tick in ticks:
            subscriptions, latest = self._record_of(tick["symbol"])
            # The newest tick of any kind stands last.
            latest.pop(tick["kind"], None)
            latest[tick["kind"]] = tick
            for subscription in subscriptions:
                batches.setdefault(subscription, []).append(tick)
        reached: Set[Subscription] = set()
        for subscription, batch in batches.items():
            if entries is None or self._has_any(subscription, entries):
                reached.add(subscription)
                subscription.push(item_of(batch))
        return reached

    def _record_of(self, symbol: str) -> Tuple[List[Subscription], Dict[str, Tick]]:
        record = self._records.get(symbol)
        if record is None:
            record = ([each for each in self._subscriptions if _matches(each, symbol)], {})
            # Without a subscription the tick is a late one: nothing is kept of it.
            if record[0]:
                self._records[symbol] = record
        return record

    def _has_any(self, subscription: Subscription, entries: Collection[Entry]) -> bool:
        return any(self._entries.get(name) in entries for name in subscription.symbols)


def _matches(subscription: Subscription, symbol: str) -> bool:
    return any(
        symbol.startswith(name[:-1]) if name.endswith("*") else name == symbol for name in subscription.symbols
    )
