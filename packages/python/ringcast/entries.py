"""All entries of the client (symbols, prefixes, ``*``), and what the gateway is to be told about them next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, Iterable, List, Optional, Set, Tuple
from urllib.parse import quote

from .position import Position
from .timing import Clock

EVERY = -1
"""A rank says how an entry is delivered: every tick, or the latest in each so many ms. A lower one has more ticks."""

_URL_LENGTH_MAX = 1_800
_COMMAND_ENTRIES_MAX = 200


def check_names(names: List[str]) -> None:
    """Raises for what cannot be sent. The gateway tells of every other fault by itself, entry by entry."""
    if not names:
        raise ValueError('name at least one symbol, or "*" for all')
    for name in names:
        if not isinstance(name, str) or not name or any("\ud800" <= letter <= "\udfff" for letter in name):
            raise ValueError(f'an entry is a symbol, a prefix with a *, or "*" for all, got {name!r}')


def covers(entry: str, symbol: str) -> bool:
    """Whether a symbol, or all symbols of another entry, are those of the entry."""
    return symbol.startswith(entry[:-1]) if entry.endswith("*") else symbol == entry


class Entry:
    """Who wants an entry, and what the gateway does for it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ranks: List[int] = []
        self.release_at_ms = 0.0
        # Where the stream is complete up to, for this entry: set between connections.
        self.position: Optional[Position] = None
        self.since: Optional[str] = None
        # A snapshot is wanted, and its end has not come.
        self.needs_snapshot = False
        # A whole snapshot has come, and its ticks are kept while somebody wants the entry.
        self.is_known = False
        # On the present connection:
        self.sent_rank: Optional[int] = None
        self.active_rank: Optional[int] = None
        self.is_snapshot_coming = False
        self.is_refused = False

    @property
    def is_wanted(self) -> bool:
        return bool(self.ranks)

    @property
    def is_active(self) -> bool:
        return self.active_rank is not None

    def expect_snapshot(self) -> None:
        self.needs_snapshot = True
        self.is_snapshot_coming = True

    def disconnect(self, position: Optional[Position]) -> None:
        """The connection has ended, and the entry is complete up to ``position``."""
        if self.is_active and position is not None:
            self.position = position
        self.sent_rank = None
        self.active_rank = None
        self.is_snapshot_coming = False
        self.is_refused = False


@dataclass(frozen=True)
class Change:
    """One command without its id."""

    is_subscribe: bool
    entries: List[Entry]
    rank: int
    snapshot: bool
    resume: Optional[str]
    since: Optional[str]


@dataclass(frozen=True)
class UrlPart:
    """Entries that fit into the URL of a connection, which begins behind a position."""

    entries: List[Entry]
    rank: int
    position: Position


class Entries:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_name: Dict[str, Entry] = {}
        self._entries_per_command = _COMMAND_ENTRIES_MAX
        # Of entries that are made before the first connection: an earlier client was there.
        self.first_position: Optional[Position] = None

    @property
    def all(self) -> Iterable[Entry]:
        return self._by_name.values()

    def get(self, name: str) -> Optional[Entry]:
        return self._by_name.get(name)

    def hold_all(self, names: Iterable[str], rank: int, snapshot: bool, since: Optional[str]) -> None:
        for name in names:
            entry = self._by_name.get(name)
            if entry is None:
                entry = Entry(name)
                entry.position = self.first_position
                if entry.position is None:
                    entry.since = since
                self._by_name[name] = entry
            if snapshot and not entry.is_known:
                entry.needs_snapshot = True
            entry.ranks.append(rank)
            entry.is_refused = False

    def let_go(self, name: str, rank: int, release_ms: float) -> None:
        entry = self._by_name[name]
        entry.ranks.remove(rank)
        if entry.is_wanted:
            return
        entry.is_known = False
        entry.release_at_ms = self._clock.now_ms() + release_ms
        if not entry.is_active and entry.sent_rank is None:
            del self._by_name[name]

    def release(self, entries: List[Entry]) -> None:
        """The gateway is told that nobody wants these. Whoever wants one from now on, begins anew."""
        for entry in entries:
            self._by_name.pop(entry.name, None)

    def take_back(self, entries: List[Entry]) -> None:
        """The gateway still serves these, unless somebody wants one of that name already."""
        for entry in entries:
            self._by_name.setdefault(entry.name, entry)

    def disconnect(self, position_of: Callable[[Entry], Optional[Position]]) -> None:
        for entry in list(self._by_name.values()):
            entry.disconnect(position_of(entry))
            if not entry.is_wanted:
                del self._by_name[entry.name]

    def forget_positions(self, entries: Optional[Iterable[Entry]] = None) -> Tuple[Set[Entry], int]:
        """The gateway does not know where these entries were. Returns those, and the last offset of one."""
        forgotten: Set[Entry] = set()
        offset = 0
        for entry in self.all if entries is None else entries:
            if entry.position is None:
                continue
            offset = max(offset, entry.position.offset)
            entry.position = None
            entry.needs_snapshot = True
            forgotten.add(entry)
        return forgotten, offset

    @property
    def overlapped(self) -> List[Entry]:
        """
        Entries whose resume would lack ticks: the gateway does not send again what it has sent tick by tick for another
        entry, and that was not for these.
        """
        served = [entry.name for entry in self.all if entry.active_rank == EVERY]
        return [
            entry
            for entry in self.all
            if entry.position is not None
            and self._rank_of(entry) == EVERY
            and any(covers(entry.name, name) or covers(name, entry.name) for name in served)
        ]

    def shorten_commands(self) -> bool:
        """A command had too many entries. Returns False if commands cannot be shorter."""
        if self._entries_per_command == 1:
            return False
        self._entries_per_command //= 2
        return True

    def url_part(self) -> Optional[UrlPart]:
        """The entries to be named in the next URL."""
        first = self._furthest(lambda entry: entry.is_wanted)
        if first is None or first.position is None:
            return None
        rank = self._rank_of(first)
        assert rank is not None
        entries: List[Entry] = []
        length = 0
        for entry in self.all:
            if entry.position != first.position or self._rank_of(entry) != rank:
                continue
            if "," in entry.name or entry.name != entry.name.strip():
                continue
            length += len(quote(entry.name, safe="")) + 1
            if length > _URL_LENGTH_MAX:
                break
            entries.append(entry)
        return UrlPart(entries, rank, first.position) if entries else None

    def next_changes(self) -> List[Change]:
        """What to send next: changes that begin at one place of the stream, the furthest first."""
        groups: Dict[Optional[Tuple[int, bool, Optional[str]]], List[Entry]] = {}
        first = self._furthest(self._must_subscribe)
        furthest = None if first is None else first.position
        since: Optional[str] = None
        for entry in self.all:
            subscribes = self._must_subscribe(entry)
            if not subscribes and not self._must_unsubscribe(entry):
                continue
            if furthest is not None and (not subscribes or entry.position != furthest):
                continue
            since = entry.since if since is None else since
            if entry.since is not None and entry.since != since:
                continue
            key = None
            # A replay brings the latest ticks of itself, where it has them.
            snapshot = furthest is None and entry.needs_snapshot
            if subscribes:
                rank = self._rank_of(entry)
                assert rank is not None
                key = (rank, snapshot, entry.since)
            groups.setdefault(key, []).append(entry)
        size = self._entries_per_command
        changes = [
            Change(
                is_subscribe=key is not None,
                entries=group[start : start + size],
                rank=EVERY if key is None else key[0],
                snapshot=key is not None and key[1],
                resume=None if furthest is None else str(furthest),
                since=None if key is None else key[2],
            )
            for key, group in groups.items()
            for start in range(0, len(group), size)
        ]
        # The gateway may replay two commands one after the other: the second would lack what was sent for a prefix of
        # the first.
        has_prefix = any(name.endswith("*") for name in self._by_name)
        return changes[:1] if furthest is not None and has_prefix else changes

    def release_delay_ms(self) -> Optional[float]:
        """How long until an entry may be released that nobody wants; None: none waits for that."""
        now_ms = self._clock.now_ms()
        delays = [max(0.0, entry.release_at_ms - now_ms) for entry in self.all if not entry.is_wanted]
        return min(delays, default=None)

    def _rank_of(self, entry: Entry) -> Optional[int]:
        """At the gateway the longest entry decides: an entry gets the most that it or a prefix of it is wanted with."""
        if not entry.ranks:
            return None
        rank = min(entry.ranks)
        for length in range(len(entry.name)):
            prefix = self._by_name.get(entry.name[:length] + "*")
            if prefix is not None and prefix.ranks:
                rank = min(rank, *prefix.ranks)
        return rank

    def _must_subscribe(self, entry: Entry) -> bool:
        if not entry.is_wanted or entry.is_refused:
            return False
        return entry.sent_rank != self._rank_of(entry) or (entry.needs_snapshot and not entry.is_snapshot_coming)

    def _must_unsubscribe(self, entry: Entry) -> bool:
        is_left = not entry.is_wanted and entry.is_active and not entry.is_refused
        return is_left and entry.release_at_ms <= self._clock.now_ms()

    def _furthest(self, is_meant: Callable[[Entry], bool]) -> Optional[Entry]:
        furthest: Optional[Entry] = None
        for entry in self.all:
            if entry.position is None or not is_meant(entry):
                continue
            if furthest is None or furthest.position is None or entry.position.offset > furthest.position.offset:
                furthest = entry
        return furthest
