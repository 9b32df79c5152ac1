"""
Plays the cases of packages/conformance against this client. Prints one JSON object a line: {"name", "error"}. The steps
are explained in packages/conformance/README.md.
"""

from __future__ import annotations

import asyncio
import json
import pathlib
import re
import sys
import time
from dataclasses import asdict
from typing import Any, Callable, Dict, List, Optional
from urllib.parse import parse_qsl, urlsplit

PACKAGE = pathlib.Path(__file__).resolve().parent.parent
CASES = PACKAGE.parent / "conformance" / "cases"
sys.path.insert(0, str(PACKAGE))

import ringcast  # noqa: E402  pylint: disable=wrong-import-position

EXPECTATIONS = {
    "connects",
    "receives",
    "reports",
    "state",
    "position",
    "latest",
    "ends",
    "asked",
    "hangsUp",
    "delays",
}
NAMES = {
    "closeCode": "close_code",
    "delayMs": "delay_ms",
    "from": "start",
    "to": "end",
    "feedReason": "feed_reason",
}
OPTIONS = {
    "heartbeat": "heartbeat_ms",
    "release": "release_ms",
    "interval": "interval_ms",
    "queueTicks": "queue_ticks",
}
MISSING_MARKS = (None, False, 0)
"""What stands in an item for a field that the gateway left out."""


class FakeTimer:
    def __init__(self, due_ms: float, callback: Callable[[], None], timers: "List[FakeTimer]") -> None:
        self.due_ms = due_ms
        self.callback = callback
        self._timers = timers
        timers.append(self)

    def cancel(self) -> None:
        if self in self._timers:
            self._timers.remove(self)


class FakeClock:
    """Time that stands still until a case moves it."""

    def __init__(self) -> None:
        self._now_ms = 0.0
        self.timers: List[FakeTimer] = []

    def now_ms(self) -> float:
        return self._now_ms

    def call_later(self, delay_ms: float, callback: Callable[[], None]) -> FakeTimer:
        return FakeTimer(self._now_ms + max(0.0, delay_ms), callback, self.timers)

    def run_next(self, end_ms: float) -> bool:
        due = [timer for timer in self.timers if timer.due_ms <= end_ms]
        if not due:
            return False
        timer = min(due, key=lambda each: each.due_ms)
        self.timers.remove(timer)
        self._now_ms = max(self._now_ms, timer.due_ms)
        timer.callback()
        return True

    def pass_ms(self, ms: float) -> None:
        self._now_ms += ms


class FakeTransport:
    def __init__(self, url: str, events: Any) -> None:
        self.url = url
        self.events = events
        self.commands: List[Dict[str, Any]] = []
        self.is_over = False

    def send(self, text: str) -> None:
        self.commands.append(json.loads(text))

    def abort(self) -> None:
        self.is_over = True


class Reader:
    """A subscription, and what has been read of it."""

    def __init__(self, subscription: ringcast.Subscription, reads: bool) -> None:
        self.subscription = subscription
        self.items: List[Dict[str, Any]] = []
        self.ended: Any = ...
        self.task: Optional["asyncio.Task[None]"] = None
        if reads:
            self.read()

    def read(self) -> None:
        self.ended = ...
        self.task = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        try:
            async for item in self.subscription:
                self.items.append({"type": item.type, **asdict(item)})
            self.ended = None
        except ringcast.RingcastError as error:
            self.ended = error.code


class CaseFailure(Exception):
    pass


class CaseRun:
    def __init__(self, case: Dict[str, Any]) -> None:
        self.clock = FakeClock()
        self.connections: List[FakeTransport] = []
        self.current: Optional[FakeTransport] = None
        self.readers: Dict[str, Reader] = {}
        self.ids: Dict[str, Any] = {}
        self.asked = 0
        self.at = ""
        self.sees_status = '"type":"status","state"' in json.dumps(case["steps"], separators=(",", ":"))
        self.last: Dict[str, Any] = {"state": "connecting"}
        tokens = case.get("tokens")

        async def get_token() -> str:
            self.asked += 1
            if self.asked > len(tokens):
                raise RuntimeError("nobody is signed in")
            return tokens[self.asked - 1]

        def connector(url: str, events: Any) -> FakeTransport:
            transport = FakeTransport(url, events)
            self.connections.append(transport)
            return transport

        options = {OPTIONS.get(name, name): value for name, value in case.get("options", {}).items()}
        self.stream = ringcast.connect(
            "ws://gateway/ws/ticks",
            get_token=None if tokens is None else get_token,
            connector=connector,
            clock=self.clock,
            random=lambda: case.get("random", 0.5),
            **options,
        )
        self.stream.on_state(lambda transition: setattr(self, "last", asdict(transition)))

    async def step(self, index: int, step: Dict[str, Any]) -> None:
        self.at = f"step {index + 1}, {json.dumps(step)}: "
        name = next(iter(step))
        if name in EXPECTATIONS:
            self.expect(name, step)
        elif name == "subscribe":
            options = {OPTIONS.get(key, key): value for key, value in step[name].items()}
            reads = options.pop("read", "now") != "later"
            subscription = self.stream.subscribe(options.pop("symbols"), **options)
            self.readers[step.get("as", "s")] = Reader(subscription, reads)
        else:
            self.expect_nothing()
            await self.act(name, step[name])
            await self.settle()

    async def end(self) -> None:
        self.at = "at the end: "
        await self.settle()
        self.expect_nothing()
        self.stream.close()
        if self.clock.timers:
            self.fail(f"{len(self.clock.timers)} timers are left after close()")
        await settled()
        for reader in self.readers.values():
            if reader.task is not None:
                reader.task.cancel()

    async def act(self, name: str, value: Any) -> None:
        events = None if self.current is None else self.current.events
        if name == "settle":
            pass
        elif name == "read":
            self.readers[value].read()
        elif name == "unsubscribe":
            self.readers[value].subscription.close()
        elif name == "close":
            self.stream.close()
        elif name == "setToken":
            for reader in self.readers.values():
                reader.read()
            self.stream.set_token(value)
        elif name == "accepts":
            events.opened()
        elif name == "sends":
            for message in value if isinstance(value, list) else [value]:
                if not self.current.is_over:
                    events.received(self.text_of(message))
        elif name in ("drops", "cuts"):
            events.closed(1006, "", "")
        elif name == "closes":
            events.closed(value["code"], value.get("reason", ""), "")
        elif name == "refuses":
            if value.get("seen", True):
                headers = {"retry-after": str(value["retryAfter"])} if "retryAfter" in value else {}
                events.refused(value["status"], headers, value.get("body", {}))
            else:
                events.closed(1006, "", "")
        elif name == "advances":
            end_ms = self.clock.now_ms() + value
            await self.settle()
            while self.clock.run_next(end_ms):
                await settled()
            self.clock.pass_ms(end_ms - self.clock.now_ms())
        elif name == "sleeps":
            self.clock.pass_ms(value)
        elif name == "wallClock":
            jumped = time.time() + value / 1000
            time.time = lambda: jumped
        else:
            self.fail(f"there is no step {name}")

    def expect(self, name: str, step: Dict[str, Any]) -> None:
        value = step[name]
        if name == "connects":
            if not self.connections:
                self.fail("the client does not connect")
            self.current = self.connections.pop(0)
            query = dict(parse_qsl(urlsplit(self.current.url).query, keep_blank_values=True))
            self.match({"resume": None, "delivery": None, **value}, query)
        elif name == "receives":
            if self.current is None or not self.current.commands:
                self.fail("the client sends nothing")
            command = self.current.commands.pop(0)
            self.match(value, command)
            self.ids["$"] = command.get("id")
            if "as" in step:
                self.ids["$" + step["as"]] = command.get("id")
        elif name == "reports":
            items = self.items_of(step.get("to", "s"))
            if not items:
                self.fail("the client reports nothing")
            item = items.pop(0)
            if "ticks" in item:
                item["ticks"] = [shorten(tick) for tick in item["ticks"]]
            self.match({NAMES.get(key, key): each for key, each in value.items()}, item)
        elif name == "state":
            expected = {"state": value} if isinstance(value, str) else value
            text = json.dumps(self.last).replace("get_token", "getToken")
            self.match({NAMES.get(key, key): each for key, each in expected.items()}, json.loads(text))
        elif name == "delays":
            self.match({"state": "reconnecting", "delay_ms": value}, self.last)
        elif name == "position":
            self.match(value, self.stream.position)
        elif name == "latest":
            for symbol, sequence in value.items():
                self.match(sequence, (self.stream.latest(symbol) or {}).get("sequence"))
        elif name == "ends":
            ended = self.readers[step.get("to", "s")].ended
            if ended != value:
                self.fail(f"it ended with {ended}")
        elif name == "asked":
            self.match(value, self.asked)
        elif name == "hangsUp":
            self.match(value, self.current is not None and self.current.is_over)

    def expect_nothing(self) -> None:
        for transport in self.connections:
            self.fail(f"the client connects to {transport.url}")
        for command in self.current.commands if self.current else ():
            self.fail(f"the client sends {command}")
        for name in self.readers:
            for item in self.items_of(name):
                self.fail(f"{name} reports {item}")

    def items_of(self, name: str) -> List[Dict[str, Any]]:
        items = self.readers[name].items
        if not self.sees_status:
            items[:] = [item for item in items if item["type"] != "status"]
        return items

    def text_of(self, message: Any) -> str:
        if isinstance(message, str):
            return message
        message = dict(message)
        if message.get("id") in self.ids:
            message["id"] = self.ids[message["id"]]
        if "ticks" in message:
            message["ticks"] = [lengthen(each) for each in message["ticks"]]
        return json.dumps(message)

    async def settle(self) -> None:
        """Runs what is due, and lets the client do what follows of itself."""
        await settled()
        while self.clock.run_next(self.clock.now_ms()):
            await settled()

    def match(self, expected: Any, actual: Any) -> None:
        if not matches(expected, actual):
            self.fail(f"expected {expected}, got {actual}")

    def fail(self, text: str) -> None:
        raise CaseFailure(self.at + text)


def matches(expected: Any, actual: Any) -> bool:
    if expected is None:
        return actual in MISSING_MARKS
    if isinstance(expected, list):
        return (
            isinstance(actual, list)
            and len(actual) == len(expected)
            and all(matches(one, other) for one, other in zip(expected, actual))
        )
    if isinstance(expected, dict):
        fields = actual if isinstance(actual, dict) else {}
        return all(matches(value, fields.get(name)) for name, value in expected.items())
    return expected == actual


def lengthen(name: str) -> Dict[str, Any]:
    symbol, mark, sequence = re.fullmatch(r"(\D+?)(!?)(\d+)", name).groups()
    kind = "trade" if mark else "quote"
    return {"symbol": symbol, "kind": kind, "sequence": int(sequence), "time": 1_723_161_255_000_000}


def shorten(tick: Dict[str, Any]) -> str:
    return f"{tick['symbol']}{'!' if tick['kind'] == 'trade' else ''}{tick['sequence']}"


async def settled() -> None:
    """Everything that follows by tasks has happened."""
    for _ in range(8):
        await asyncio.sleep(0)


def expand(steps: List[Dict[str, Any]], macros: Dict[str, Any]) -> List[Dict[str, Any]]:
    return [
        each for step in steps for each in (expand(macros[step["use"]], macros) if "use" in step else [step])
    ]


async def run_case(case: Dict[str, Any]) -> None:
    run = CaseRun(case)
    for index, step in enumerate(case["steps"]):
        await run.step(index, step)
    await run.end()


def main() -> None:
    macros = json.loads((CASES / "macros.json").read_text("utf-8"))
    wall_clock = time.time
    for path in sorted(CASES.glob("*.json")):
        if path.name == "macros.json":
            continue
        for case in json.loads(path.read_text("utf-8")):
            case["steps"] = expand(case["steps"], macros)
            error = None
            try:
                asyncio.run(run_case(case))
            except Exception as failure:  # pylint: disable=broad-except
                error = f"{type(failure).__name__}: {failure}"
            finally:
                time.time = wall_clock
            print(json.dumps({"name": case["name"], "error": error}))


if __name__ == "__main__":
    main()
