"""
What one connection says and hears: checks that no message is missing, keeps the positions of all entries, and sends
commands until the gateway has what is wanted. Knows no socket and no time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Collection, Dict, List, Mapping, Optional, Protocol, Set

from .entries import EVERY, Change, Entries, Entry, UrlPart
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


@dataclass
class _Replay:
    entries: Set[Entry]
    reached: int
    """All other entries are complete up to here."""
    offset: int


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
        self._is_open = False
        self._seq = 0
        # Where all active entries are, but for those of a replay.
        self._at: Optional[Position] = None
        self._replay: Optional[_Replay] = None
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
        if self._at is None or self._replay is None:
            return self._at
        return Position(self._at.epoch, min(self._at.offset, self._replay.offset))

    @property
    def is_replaying(self) -> bool:
        """Whether entries are still to catch up after an earlier connection."""
        if not self._is_open or self._replay is not None:
            return True
        return any(
            entry.position is not None and entry.is_wanted and not entry.is_active and not entry.is_refused
            for entry in self._entries.all
        )

    def sync(self) -> None:
        """Sends the next commands, if none is under way."""
        if not self._is_open or self._pending or self._replay is not None:
            return
        for change in self._entries.next_changes():
            self._send(change)

    def end(self) -> None:
        """The connection has ended: each entry keeps its place."""
        at, replay = self._at, self._replay

        def position_of(entry: Entry) -> Optional[Position]:
            if at is not None and replay is not None and entry in replay.entries:
                return Position(at.epoch, replay.offset)
            return at

        self._entries.disconnect(position_of)

    def take(self, message: Message) -> None:
        taker = self._takers.get(message.get("type"))
        if taker is not None:
            taker(message)

    def _take_ticks(self, message: Message) -> None:
        if message["seq"] != self._seq + 1:
            self._missing()
            return
        self._seq = message["seq"]
        if not self._advance(message["offset"]):
            return
        self._events.ticks(message, self._replayed_at(message["offset"]))

    def _replayed_at(self, offset: int) -> Optional[Collection[Entry]]:
        """The entries of the replay, up to the offset at which the others are already; None: all."""
        replay = self._replay
        return replay.entries if replay is not None and offset <= replay.reached else None

    def _take_subscribed(self, message: Message) -> None:
        self._seq = message["seq"]
        change = self._pending.pop(message.get("id", 0), None)
        part = change or self._url_part
        entries = [] if part is None else part.entries
        rank = EVERY if part is None else part.rank
        refusals = message.get("refused", ())
        refused = {refusal["symbol"] for refusal in refusals}
        resumed = message.get("resumed")
        done: List[Entry] = []
        for entry in entries:
            if entry.name in refused:
                entry.is_refused = True
                entry.sent_rank = entry.active_rank
                continue
            done.append(entry)
            entry.active_rank = entry.sent_rank = rank
            entry.since = None
            # A replay has a snapshot of latest ticks, and so has the end of a resume that fails.
            if resumed is False or (resumed is True and rank != EVERY):
                entry.expect_snapshot()
        offset = message["offset"]
        reached = message.get("reached", offset)
        self._at = Position(message["epoch"], reached)
        if resumed is True and done:
            others = set() if self._replay is None else self._replay.entries
            self._replay = _Replay(others | set(done), reached, offset)
        if resumed is False:
            self._unresumed.update(done)
        for refusal in refusals:
            self._events.refused(refusal)
        if not self._is_open:
            self._is_open = True
            self._events.opened()
        if self._replay is None and not self._unresumed:
            self._events.settled()

    def _take_unsubscribed(self, message: Message) -> None:
        self._seq = message["seq"]
        change = self._pending.pop(message["id"], None)
        for entry in change.entries if change else ():
            entry.disconnect(None)
            entry.position = None
            self._entries.delete(entry)
        if self._advance(message["offset"]):
            self._events.settled()

    def _take_authenticated(self, message: Message) -> None:
        """Entries that the client may not see any more are as good as refused."""
        if "epoch" not in message:
            return
        self._seq = message["seq"]
        self._at = Position(message["epoch"], message["offset"])
        gone = set(message.get("unsubscribed", ()))
        for entry in list(self._entries.all):
            if entry.name not in gone:
                continue
            entry.disconnect(None)
            entry.is_refused = True
            self._events.refused({"symbol": entry.name, "code": "not_entitled", "message": "the access has changed"})

    def _take_gap(self, message: Message) -> None:
        self._seq = message["seq"]
        at, replay, reason = self._at, self._replay, message["reason"]
        entries: Optional[Collection[Entry]] = None
        if reason == "resume":
            if replay is not None:
                entries = replay.entries
            else:
                entries = self._unresumed or None
                self._unresumed = set()
        elif "epoch" not in message:
            entries = self._replayed_at(message["to"])
        if reason in ("slow", "resume"):
            for entry in self._entries.all if entries is None else entries:
                if entry.is_active:
                    entry.expect_snapshot()
        if "epoch" in message:
            self._at = Position(message["epoch"], message["offset"])
            if replay is not None:
                replay.offset = message["offset"]
        elif replay is not None:
            replay.offset = max(replay.offset, message["to"])
        elif at is not None and reason != "resume":
            self._at = Position(at.epoch, max(at.offset, message["to"]))
        # A gap of no ticks says how an epoch is called.
        if message["missed"] != 0:
            self._events.gap(message, entries)
        if self._replay is None and reason == "resume":
            self._events.settled()

    def _take_snapshot(self, message: Message) -> None:
        self._seq = message["seq"]
        at, replay = self._at, self._replay
        if replay is not None:
            replay.offset = max(replay.offset, message["offset"])
        elif at is not None:
            self._at = Position(at.epoch, max(at.offset, message["offset"]))
        waiting: Set[Entry] = set()
        if not message.get("more"):
            for entry in self._entries.all:
                if entry.is_snapshot_coming:
                    entry.needs_snapshot = entry.is_snapshot_coming = False
                    entry.is_known = entry.is_wanted
                    waiting.add(entry)
        self._events.snapshot(message, waiting)

    def _take_live(self, message: Message) -> None:
        self._replay = None
        epoch = message.get("epoch") or (self._at.epoch if self._at else "")
        self._at = Position(epoch, message["offset"])
        self._seq = message["seq"]
        self._events.settled()

    def _take_heartbeat(self, message: Message) -> None:
        if message["seq"] == self._seq:
            self._advance(message["offset"])
        else:
            self._missing()

    def _missing(self) -> None:
        self._events.broken(f"the message {self._seq + 1} is missing")

    def _take_goodbye(self, message: Message) -> None:
        self._at = read_position(message["resume"]) or self._at
        self._events.goodbye(message)

    def _take_error(self, message: Message) -> None:
        change = self._pending.pop(message.get("id", 0), None)
        if change is None:
            return
        code = message["code"]
        for entry in change.entries:
            entry.sent_rank = entry.active_rank
            entry.is_snapshot_coming = False
        if code == "bad_resume" and change.resume is not None:
            self._events.forgotten(change.entries)
        elif code in ("too_many_commands", "overload", "history_busy"):
            self._events.must_wait(message.get("retryAfterMs", _BUSY_MS))
            return
        elif code != "command_too_large" or not self._entries.shorten_commands():
            for entry in change.entries:
                entry.is_refused = True
                entry.since = None
                self._events.refused({"symbol": entry.name, "code": code, "message": message["message"]})
        self._events.settled()

    def _send(self, change: Change) -> None:
        self._last_id += 1
        self._pending[self._last_id] = change
        symbols = [entry.name for entry in change.entries]
        if not change.is_subscribe:
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

    def _advance(self, offset: int) -> bool:
        """Takes an offset that never falls. Returns False when it does."""
        at, replay = self._at, self._replay
        if at is None:
            return True
        before = at.offset if replay is None else replay.offset
        if offset < before:
            self._events.broken(f"the offset {offset} came after {before}")
            return False
        if replay is not None:
            replay.offset = offset
        if offset > at.offset:
            self._at = Position(at.epoch, offset)
        return True
