"""
What one connection says and hears: checks that no message is missing, keeps the positions of all entries, and sends
commands until the gateway has what is wanted. Knows no socket and no time.
"""

from __future__ import annotations

from typing import Any, Callable, Collection, Dict, List, Mapping, Optional, Protocol, Set

from .entries import EVERY, Change, Entries, Entry, UrlPart
from .places import Places
from .position import Position, read_position

Message = Mapping[str, Any]

_BUSY_MS = 1_000
"""How long to wait when the gateway cannot take commands."""


class SessionEvents(Protocol):
    """What a session tells. Its positions are set before. ``entries`` None: all."""

    def opened(self) -> None: ...
    def ticks(self, message: Message, entries: Optional[Collection[Entry]]) -> None: ...
    def snapshot(self, message: Message, waiting: Collection[Entry]) -> None: ...
    def gap(self, message: Message, entries: Optional[Collection[Entry]]) -> None: ...
    def forgotten(self, entries: List[Entry]) -> None: ...
    def refused(self, refusal: Message) -> None: ...
    def feed_changed(self, message: Message) -> None: ...
    def goodbye(self, message: Message) -> None: ...
    def token_expiring(self) -> None: ...
    def settled(self) -> None: ...
    def must_wait(self, delay_ms: float) -> None: ...
    def broken(self, reason: str) -> None: ...


class Session:
    def __init__(
        self,
        entries: Entries,
        url_part: Optional[UrlPart],
        events: SessionEvents,
        send: Callable[[Dict[str, Any]], None],
    ) -> None:
        self._entries = entries
        self._url_part = url_part
        self._events = events
        self._send_command = send
        self._pending: Dict[int, Change] = {}
        self._last_id = 0
        self._seq = 0
        self._places = Places()
        # Entries of which the gateway tells next that it does not resume them.
        self._unresumed: Set[Entry] = set()
        self._takers: Dict[Any, Callable[[Message], None]] = {
            "ticks": self._take_ticks,
            "subscribed": self._take_subscribed,
            "unsubscribed": self._take_unsubscribed,
            "gap": self._take_gap,
            "snapshot": self._take_snapshot,
            "live": self._take_live,
            "heartbeat": self._take_heartbeat,
            "status": events.feed_changed,
            "goodbye": self._take_goodbye,
            "error": self._take_error,
            "authenticated": self._take_authenticated,
            "token-expiring": lambda _: events.token_expiring(),
        }

    @property
    def position(self) -> Optional[Position]:
        """Up to where everything has been told. None: nothing yet."""
        return self._places.position

    @property
    def is_replaying(self) -> bool:
        """Whether entries are still to catch up after an earlier connection."""
        if self._places.replayed is not None:
            return True
        return any(entry.position is not None for entry in self._waiting)

    @property
    def is_live(self) -> bool:
        """Whether the gateway serves all entries that are wanted, and nothing is to be caught up."""
        is_settled = not self.is_replaying and not self._unresumed and not self._waiting
        return self.position is not None and is_settled

    @property
    def _waiting(self) -> List[Entry]:
        """Entries that the gateway has neither confirmed nor refused yet."""
        return [
            entry
            for entry in self._entries.all
            if entry.is_wanted and not entry.is_active and not entry.is_refused
        ]

    def sync(self) -> None:
        """Sends the next commands, if none is under way."""
        if self.position is None or self._pending or self._places.replayed is not None:
            return
        self._events.forgotten(self._entries.overlapped)
        for change in self._entries.next_changes():
            self._send(change)

    def end(self) -> None:
        """The connection has ended: each entry keeps its place."""
        self._entries.disconnect(self._places.of)

    def take(self, message: Message) -> None:
        taker = self._takers.get(message.get("type"))
        if taker is None:
            return
        taker(message)
        if message["type"] not in ("ticks", "heartbeat") and self._places.replayed is None:
            self._events.settled()

    def _take_ticks(self, message: Message) -> None:
        if message["seq"] != self._seq + 1:
            self._missing()
            return
        self._seq = message["seq"]
        if not self._is_back(message["offset"]):
            self._events.ticks(message, self._places.reach(message["offset"]))

    def _take_subscribed(self, message: Message) -> None:
        is_first = self.position is None
        self._seq = message["seq"]
        part = self._pending.pop(message.get("id", 0), None) or self._url_part
        rank = EVERY if part is None else part.rank
        refusals = {refusal["symbol"]: refusal for refusal in message.get("refused", ())}
        resumed = message.get("resumed")
        done: List[Entry] = []
        for entry in [] if part is None else part.entries:
            if entry.name in refusals:
                self._refuse(entry, refusals[entry.name])
                continue
            done.append(entry)
            entry.active_rank = entry.sent_rank = rank
            entry.since = None
            entry.position = None
            # A replay has a snapshot of latest ticks, and so has the end of a resume that fails.
            if resumed is False or (resumed is True and rank != EVERY):
                entry.expect_snapshot()
        place = Position(message["epoch"], message["offset"])
        if resumed is True and done:
            self._places.begin_replay(done, place, message.get("reached"))
        else:
            self._places.set(place)
        if resumed is False:
            self._unresumed.update(done)
        if is_first:
            self._events.opened()

    def _take_unsubscribed(self, message: Message) -> None:
        self._seq = message["seq"]
        self._pending.pop(message["id"], None)
        self._advance(message["offset"])

    def _take_authenticated(self, message: Message) -> None:
        """Entries that the client may not see any more are as good as refused."""
        if "epoch" not in message:
            return
        self._seq = message["seq"]
        self._places.set(Position(message["epoch"], message["offset"]))
        gone = set(message.get("unsubscribed", ()))
        for entry in list(self._entries.all):
            if entry.name not in gone:
                continue
            entry.disconnect(self.position)
            self._refuse(entry, {"code": "not_entitled", "message": "the access has changed"})

    def _take_gap(self, message: Message) -> None:
        self._seq = message["seq"]
        places, reason, to = self._places, message["reason"], message["to"]
        is_replay = places.replayed is not None
        before = None if places.position is None else places.position.offset
        entries: Optional[Collection[Entry]]
        if "epoch" in message:
            entries = places.begin_epoch(Position(message["epoch"], message["offset"]))
        else:
            entries = places.reach(to)
        if reason == "resume" and not is_replay:
            entries = self._unresumed or entries
            self._unresumed = set()
        # Behind a gap at the begin of a replay there are ticks, and no snapshot.
        if reason == "slow" or (reason == "resume" and not (is_replay and to == before)):
            for entry in self._entries.all if entries is None else entries:
                if entry.is_active:
                    entry.expect_snapshot()
        # A gap of no ticks says how an epoch is called.
        if message["missed"] != 0:
            self._events.gap(message, entries)

    def _take_snapshot(self, message: Message) -> None:
        self._seq = message["seq"]
        self._places.reach(message["offset"])
        waiting: Set[Entry] = set()
        if not message.get("more"):
            for entry in self._entries.all:
                if entry.is_snapshot_coming:
                    entry.needs_snapshot = entry.is_snapshot_coming = False
                    entry.is_known = entry.is_wanted
                    waiting.add(entry)
        self._events.snapshot(message, waiting)

    def _take_live(self, message: Message) -> None:
        self._places.end_replay(message["offset"])
        self._seq = message["seq"]
        # A snapshot that belongs to the replay has come by now.
        for entry in self._entries.all:
            entry.is_snapshot_coming = False

    def _take_heartbeat(self, message: Message) -> None:
        if message["seq"] == self._seq:
            self._advance(message["offset"])
        else:
            self._missing()

    def _missing(self) -> None:
        self._events.broken(f"the message {self._seq + 1} is missing")

    def _take_goodbye(self, message: Message) -> None:
        self._places.set(read_position(message["resume"]) or self.position)
        self._events.goodbye(message)

    def _take_error(self, message: Message) -> None:
        change = self._pending.pop(message.get("id", 0), None)
        if change is None:
            return
        code = message["code"]
        if not change.is_subscribe:
            self._entries.take_back(change.entries)
        for entry in change.entries:
            entry.sent_rank = entry.active_rank
            entry.is_snapshot_coming = False
        if code == "bad_resume" and change.resume is not None:
            self._events.forgotten(change.entries)
        elif code in ("too_many_commands", "overload", "history_busy"):
            self._events.must_wait(message.get("retryAfterMs", _BUSY_MS))
        elif code != "command_too_large" or not self._entries.shorten_commands():
            for entry in change.entries:
                self._refuse(entry, message)

    def _refuse(self, entry: Entry, refusal: Message) -> None:
        """The gateway does not do it. An entry that nobody wants stays as it is."""
        entry.is_refused = True
        entry.sent_rank = entry.active_rank
        entry.since = None
        if entry.is_wanted:
            facts = {"symbol": entry.name, "code": refusal["code"], "message": refusal["message"]}
            self._events.refused(facts)

    def _send(self, change: Change) -> None:
        self._last_id += 1
        self._pending[self._last_id] = change
        symbols = [entry.name for entry in change.entries]
        if not change.is_subscribe:
            self._entries.release(change.entries)
            self._send_command({"type": "unsubscribe", "id": self._last_id, "symbols": symbols})
            return
        for entry in change.entries:
            entry.sent_rank = change.rank
            if change.snapshot:
                entry.is_snapshot_coming = True
        command: Dict[str, Any] = {"type": "subscribe", "id": self._last_id, "symbols": symbols}
        command["delivery"] = "every" if change.rank == EVERY else "latest"
        if change.rank != EVERY:
            command["interval"] = change.rank
        command["snapshot"] = change.snapshot
        if change.resume is not None:
            command["resume"] = change.resume
        if change.since is not None:
            command["since"] = change.since
        self._send_command(command)

    def _advance(self, offset: int) -> None:
        if not self._is_back(offset):
            self._places.reach(offset)

    def _is_back(self, offset: int) -> bool:
        """Whether an offset falls that never does. The connection is at its end then."""
        before = 0 if self.position is None else self.position.offset
        if offset < before:
            self._events.broken(f"the offset {offset} came after {before}")
        return offset < before
