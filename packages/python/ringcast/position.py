"""A place in the stream: the offset of a tick, and the epoch that counts it."""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

_TEXT = re.compile(r"([\w.~-]+):(\d{1,16})", re.ASCII)


class Position(NamedTuple):
    epoch: str
    offset: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.offset}"


def read_position(text: Optional[str]) -> Optional[Position]:
    """Returns None for a text that is no position."""
    match = _TEXT.fullmatch(text or "")
    return None if match is None else Position(match[1], int(match[2]))
