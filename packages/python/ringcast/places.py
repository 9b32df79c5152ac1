"""Where the entries of one connection are in the stream: at one place, but for those of a replay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Set

from .entries import Entry
from .position import Position


@dataclass
class _Replay:
    entries: Set[Entry]
    at: Position
    # All other entries are complete up to here, in the epoch of their place. -1: the replay is past that epoch.
    reached: int


class Places:
    def __init__(self) -> None:
        # Of all active entries, but for those of a replay that has not come so far. None: nothing has come.
        self._at: Optional[Position] = None
        self._replay: Optional[_Replay] = None

    @property
    def replayed(self) -> Optional[Set[Entry]]:
        """The entries of the replay; None: there is none."""
        return None if self._replay is None else self._replay.entries

    @property
    def position(self) -> Optional[Position]:
        """Up to where everything has been told. None: nothing yet."""
        return self._at if self._replay is None else self._replay.at

    def of(self, entry: Entry) -> Optional[Position]:
        if self._replay is not None and entry in self._replay.entries:
            return self._replay.at
        return self._at

    def set(self, place: Optional[Position]) -> None:
        """All active entries are at this place."""
        self._at = place

    def begin_replay(self, entries: List[Entry], at: Position, reached: Optional[int]) -> None:
        """
        Entries are replayed from a place on: together with those of other commands that resume from there.
        ``reached`` is the offset of all other entries; None: there are none.
        """
        others = set() if self._replay is None else self._replay.entries
        self._replay = _Replay(others | set(entries), at, at.offset if reached is None else reached)
        # The replay may begin in an earlier epoch than that of the others.
        epoch = at.epoch if self._at is None else self._at.epoch
        self._at = at if reached is None else Position(epoch, reached)

    def end_replay(self, offset: int) -> None:
        """All entries are at this offset."""
        self.reach(offset)
        self._replay = None

    def reach(self, offset: int) -> Optional[Set[Entry]]:
        """Everything up to here has been told. Returns the entries that this concerns; None: all."""
        at, replay = self._at, self._replay
        if at is None:
            return None
        if replay is not None:
            replay.at = _furthest(replay.at, offset)
            if replay.at.epoch != at.epoch or offset <= replay.reached:
                return replay.entries
        self._at = _furthest(at, offset)
        return None

    def begin_epoch(self, place: Position) -> Optional[Set[Entry]]:
        """The ticks that follow are counted from a place of another epoch. Returns as ``reach``."""
        at, replay = self._at, self._replay
        if replay is not None:
            was_in_epoch_of_others = at is not None and replay.at.epoch == at.epoch
            replay.at = place
            # The others have been told of it before the replay.
            if not was_in_epoch_of_others:
                return replay.entries
            replay.reached = -1
        self._at = place
        return None


def _furthest(place: Position, offset: int) -> Position:
    return Position(place.epoch, max(place.offset, offset))
