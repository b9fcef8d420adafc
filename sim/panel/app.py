"""HTTP of the panel: one page, one stream of what happens, one way to do something."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from drivers.hal import Clock
from sim.desk import Desk, Refused

EVERY_MS = 100
"""So often a panel is told what is new, at the most: a person sees no more."""

BEAT_MS = 1_000
"""So often at the least, so that its clock goes right."""

MOST_NEWS = 150
"""So much of what was seen in between is told; of the rest, how much it was."""

WAITING = 16
"""So many messages wait for a panel that is slow; then its stream ends, and it comes anew."""

STREAMS = 32
ASKED_BYTES = 4_000

_STATIC = Path(__file__).with_name("static")
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self' data:; connect-src 'self'; frame-src 'self'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_Queue = asyncio.Queue[str | None]


class Panel:
    """All panels that are open, as an ASGI application in :attr:`app`."""

    def __init__(self, desk: Desk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock
        self._queues: set[_Queue] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told_ms = 0
        self._told: tuple[int, ...] = ()
        self._after = 0
        self._coils_ms = -1
        self._machine = 0
        self.app = Starlette(
            routes=[
                Route("/sim", self._page),
                Route("/sim/", lambda request: RedirectResponse("../sim")),
                Route("/sim/events", self._events),
                Route("/sim/do", self._do, methods=["POST"]),
                Route("/sim/recording", self._recording),
                Mount("/sim", _Static(directory=_STATIC)),
            ]
        )

    # -- the thread that owns the session ----------------------------------------------

    def turn(self) -> None:
        """Tell what is new, if somebody listens and it is time."""
        if not self._queues:
            return
        now_ms, desk = self._clock.now_ms(), self._desk
        waited_ms = now_ms - self._told_ms
        new = (desk.machines, desk.changed, desk.session.seen)
        if waited_ms < EVERY_MS or (new == self._told and waited_ms < BEAT_MS):
            return
        self._told_ms, self._told = now_ms, new
        message: dict[str, Any] = {}
        if desk.machines != self._machine:
            self._begin()
            message["hello"] = desk.hello()
        message |= self._news(self._after, self._coils_ms)
        self._after, self._coils_ms = desk.session.seen, desk.session.now_ms
        text = json.dumps(message, ensure_ascii=False)
        assert self._loop is not None, "somebody listens"
        self._loop.call_soon_threadsafe(self._tell, text)

    def _begin(self) -> None:
        self._machine = self._desk.machines
        self._after, self._coils_ms = 0, -1

    def _news(self, after: int, coils_ms: int) -> dict[str, Any]:
        news, skipped = self._desk.news(after, MOST_NEWS)
        coils = self._desk.coils(coils_ms)[-MOST_NEWS:]
        return {"look": self._desk.look(), "news": news, "skipped": skipped, "coils": coils}

    def _first(self) -> str:
        """What a panel is told that has just been opened."""
        message = {"hello": self._desk.hello(), **self._news(0, -1), "skipped": 0}
        return json.dumps(message, ensure_ascii=False)

    # -- the web's thread --------------------------------------------------------------

    def close(self) -> None:
        """End the streams, from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        for queue in self._queues:
            _hurry(queue, None)

    def _tell(self, text: str) -> None:
        for queue in self._queues:
            if queue.full():
                _hurry(queue, None)
            else:
                queue.put_nowait(text)

    async def _page(self, request: Request) -> Response:
        return FileResponse(_STATIC / "panel.html", headers=_HEADERS)

    async def _events(self, request: Request) -> Response:
        if len(self._queues) >= STREAMS:
            return Response("too many panels are open", 503, {"Retry-After": "10"}, "text/plain")
        return StreamingResponse(
            self._stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def _stream(self) -> AsyncIterator[str]:
        self._loop = asyncio.get_running_loop()
        queue: _Queue = asyncio.Queue(WAITING)
        self._queues.add(queue)
        try:
            text: str | None = await run_in_threadpool(self._desk.pace.ask, self._first)
            while text is not None:
                yield f"retry: 500\ndata: {text}\n\n"
                text = await queue.get()
        finally:
            self._queues.discard(queue)

    async def _do(self, request: Request) -> Response:
        """JSON only: a page from elsewhere can't send that unasked."""
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return _refusal("send application/json", 415)
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > ASKED_BYTES:
                return _refusal("too long", 413)
        try:
            asked = json.loads(body)
        except ValueError:
            return _refusal("not JSON", 400)
        if not isinstance(asked, dict):
            return _refusal('not an object such as {"do": "step"}', 400)
        try:
            await run_in_threadpool(self._desk.pace.ask, lambda: self._desk.act(asked))
        except Refused as refused:
            return _refusal(str(refused), 409)
        return Response(status_code=204)

    async def _recording(self, request: Request) -> Response:
        try:
            text = await run_in_threadpool(self._desk.pace.ask, lambda: self._desk.recorded)
        except Refused as refused:
            return _refusal(str(refused), 409)
        headers = {"Content-Disposition": 'attachment; filename="quench.jsonl"'}
        return Response(text, media_type="application/jsonl", headers=headers)


class _Static(StaticFiles):
    """Always asked whether it is still the same: a panel must fit the program that serves it."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(_HEADERS)
        return response


def _hurry(queue: _Queue, last: None) -> None:
    """Nothing that waits is told any more."""
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(last)


def _refusal(told: str, code: int) -> Response:
    return JSONResponse({"told": told}, code)
