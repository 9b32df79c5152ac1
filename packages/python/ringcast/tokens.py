"""The token of the client: asked for only when there is none, or the gateway has refused the last one."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, Awaitable, Callable, Coroutine, Optional, Set, Union

GetToken = Callable[[], Union[str, Awaitable[str]]]


class Tokens:
    def __init__(self, get_token: Optional[GetToken]) -> None:
        self._get_token = get_token
        self._tasks: "Set[asyncio.Task[None]]" = set()
        # Whether the gateway has accepted the present token.
        self._is_proven = False
        self.present: Optional[str] = None

    @property
    def must_be_asked(self) -> bool:
        return self.present is None and self._get_token is not None

    def set(self, token: str) -> None:
        self.present = token
        self._is_proven = False

    async def ask(self) -> str:
        """Raises what ``get_token`` raises."""
        assert self._get_token is not None
        token = self._get_token()
        self.set(await token if inspect.isawaitable(token) else token)
        assert self.present is not None
        return self.present

    async def renew(self, then: Callable[[str], None]) -> None:
        if self._get_token is None:
            return
        try:
            then(await self.ask())
        except Exception:  # pylint: disable=broad-except
            # The gateway closes the connection when the token expires, and then it is asked for again.
            return

    def accepted(self) -> None:
        self._is_proven = True

    def refused(self) -> bool:
        """Returns whether another one can be asked for: the next one would come from where a new one came from."""
        was_proven = self._is_proven
        self.present = None
        self._is_proven = False
        return self._get_token is not None and was_proven

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Keeps the task until it is done."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
