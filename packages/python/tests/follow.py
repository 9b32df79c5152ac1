"""
Follows a gateway as an application does, and prints what it got: {"sequences", "gaps", "states", "position"}.

follow.py async|blocking URL COUNT
"""

from __future__ import annotations

import asyncio
import json
import pathlib
import sys
from typing import Any, Dict

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import ringcast  # noqa: E402  pylint: disable=wrong-import-position


class Application:
    def __init__(self, count: int) -> None:
        self.count = count
        self.seen: Dict[str, Any] = {"sequences": [], "gaps": [], "states": []}

    def take(self, item: ringcast.Item) -> bool:
        """Returns whether there is enough."""
        if isinstance(item, ringcast.Ticks):
            self.seen["sequences"] += [tick["sequence"] for tick in item.ticks]
        elif isinstance(item, ringcast.Gap):
            self.seen["gaps"].append(item.missed)
        elif isinstance(item, ringcast.Status):
            self.seen["states"].append(f"{item.state} {item.code}")
        elif isinstance(item, ringcast.Snapshot):
            print("begun", file=sys.stderr, flush=True)
        return len(self.seen["sequences"]) >= self.count


async def follow(url: str, application: Application) -> None:
    async with ringcast.connect(url, random=lambda: 0) as stream:
        async for item in stream.subscribe("A", snapshot=True):
            if application.take(item):
                break
        application.seen["position"] = stream.position


def follow_blocking(url: str, application: Application) -> None:
    with ringcast.blocking.connect(url, random=lambda: 0) as stream:
        for item in stream.subscribe("A", snapshot=True):
            if application.take(item):
                break
        application.seen["position"] = stream.position


def main() -> None:
    mode, url, count = sys.argv[1:]
    application = Application(int(count))
    try:
        if mode == "async":
            asyncio.run(follow(url, application))
        else:
            follow_blocking(url, application)
    except ringcast.StreamClosedError as error:
        application.seen["error"] = f"{error.code}: {error}"
    print(json.dumps(application.seen))


if __name__ == "__main__":
    main()
