"""
The items that a reader has not taken yet. Bounded by ticks; what happens beyond that is the ``overflow`` of the
subscription. Gaps and states are never dropped, only merged.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Deque, Dict, List, Literal, Optional, Tuple

from .items import Gap, Item, Refused, Snapshot, Status, Tick, Ticks
from .position import read_position

Overflow = Literal["gap", "conflate", "close"]
"""
When the reader is too slow: ``gap`` drops the ticks that wait, and says how many. ``conflate`` keeps the latest of each
symbol and kind. ``close`` ends the subscription with a StreamOverflowError.
"""

_REFUSED_MAX = 1_000
_ITEMS_MORE = 100
"""Items without ticks that may wait beside the ticks."""


class ItemQueue:
    def __init__(self, ticks_max: int, overflow: Overflow) -> None:
        self._ticks_max = ticks_max
        self._overflow = overflow
        self._items: Deque[Item] = deque()
        self._ticks = 0

    def __len__(self) -> int:
        return len(self._items)

    def push(self, item: Item) -> bool:
        """Returns False if the queue is full and the subscription must close."""
        self._items.append(item)
        self._ticks += _tick_count(item)
        if self._ticks <= self._ticks_max and len(self._items) <= self._ticks_max + _ITEMS_MORE:
            return True
        if self._overflow == "close":
            return False
        if self._overflow == "conflate":
            self._conflate()
        else:
            self._replace_by_gap()
        return True

    def shift(self) -> Item:
        item = self._items.popleft()
        self._ticks -= _tick_count(item)
        return item

    def clear(self) -> None:
        self._items.clear()
        self._ticks = 0

    def _replace_by_gap(self) -> None:
        """What is left: one gap that tells of everything dropped, refusals, and the present status."""
        gap, rest = self._merged()
        for item in self._items:
            if isinstance(item, (Ticks, Snapshot)):
                position = read_position(item.position)
                end = 0 if position is None else position.offset
                missed = len(item.ticks) if isinstance(item, Ticks) else 0
                own = Gap("overflow", end, end, missed)
                gap = own if gap is None else _merged_gap(gap, own)
        self._ticks = 0
        self._items = deque(rest if gap is None else [gap, *rest])

    def _conflate(self) -> None:
        """What is left: the merged gaps, the latest ticks, refusals, and the present status."""
        gap, rest = self._merged()
        latest: Dict[Tuple[object, object], Tick] = {}
        position = ""
        merged = 0
        for item in self._items:
            if isinstance(item, (Ticks, Snapshot)):
                position = item.position
                merged += len(item.ticks) + (item.merged if isinstance(item, Ticks) else 0)
                for tick in item.ticks:
                    key = (tick["symbol"], tick["kind"])
                    # The order is that of the latest ticks.
                    latest.pop(key, None)
                    latest[key] = tick
        ticks = list(latest.values())
        own = Ticks(ticks, position, merged=merged - len(ticks))
        self._ticks = len(ticks)
        self._items = deque([own, *rest] if gap is None else [gap, own, *rest])
        # More symbols than the queue may hold: the latest ticks alone are too many.
        if len(ticks) > self._ticks_max:
            self._replace_by_gap()

    def _merged(self) -> Tuple[Optional[Gap], List[Item]]:
        gap: Optional[Gap] = None
        status: Optional[Status] = None
        refused: List[Item] = []
        for item in self._items:
            if isinstance(item, Gap):
                gap = item if gap is None else _merged_gap(gap, item)
            elif isinstance(item, Status):
                status = item
            elif isinstance(item, Refused):
                refused.append(item)
        return gap, refused[-_REFUSED_MAX:] + ([] if status is None else [status])


def _tick_count(item: Item) -> int:
    return len(item.ticks) if isinstance(item, (Ticks, Snapshot)) else 0


def _merged_gap(one: Gap, other: Gap) -> Gap:
    is_one_epoch = other.epoch is None
    return replace(
        one,
        reason=one.reason if one.reason == other.reason else "overflow",
        start=min(one.start, other.start) if is_one_epoch else other.start,
        end=max(one.end, other.end) if is_one_epoch else other.end,
        missed=None if one.missed is None or other.missed is None else one.missed + other.missed,
        epoch=one.epoch if other.epoch is None else other.epoch,
    )
