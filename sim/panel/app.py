"""HTTP of the panel: one page, what is new when it asks, and one way to do something.

It asks a few times a second, and holds no connection in between: a browser has only six for
one machine, whoever has how many panels open.
"""

import json
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sim.desk import Desk, Refused

MOST_NEWS = 150
"""So much of what was seen in between is told; of the rest, how much it was."""

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
_NO_STORE = {"Cache-Control": "no-store"}


class Panel:
    """All panels that are open, as an ASGI application in :attr:`app`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.app = Starlette(
            routes=[
                Route("/sim", self._page),
                Route("/sim/", self._astray),
                Route("/sim/news", self._news),
                Route("/sim/do", self._do, methods=["POST"]),
                Route("/sim/recording", self._recording),
                Mount("/sim", _Static(directory=_STATIC)),
            ]
        )

    async def _page(self, request: Request) -> Response:
        return FileResponse(_STATIC / "panel.html", headers=_HEADERS)

    async def _astray(self, request: Request) -> Response:
        return RedirectResponse("../sim")

    async def _news(self, request: Request) -> Response:
        """What is new to whoever knows the first ``after`` things seen of ``machine``."""
        said = request.query_params
        machine, after = _whole(said.get("machine")), _whole(said.get("after"))
        known_ms = _whole(said.get("known_ms"))
        told = await run_in_threadpool(
            self._desk.pace.ask, lambda: self._told(machine, after, known_ms)
        )
        return JSONResponse(told, headers=_NO_STORE)

    def _told(self, machine: int, after: int, known_ms: int) -> dict[str, Any]:
        desk = self._desk
        told: dict[str, Any] = {}
        if machine != desk.built or after > desk.session.seen:
            after, known_ms = 0, -1
            told["hello"] = desk.hello()
        news, skipped = desk.news(after, MOST_NEWS)
        told |= {"look": desk.look(), "news": news, "seen": desk.session.seen}
        told |= {"skipped": skipped if after else 0, "coils": desk.coils(known_ms)[-MOST_NEWS:]}
        return told

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
        headers = {**_NO_STORE, "Content-Disposition": 'attachment; filename="quench.jsonl"'}
        return Response(text, media_type="application/jsonl", headers=headers)


class _Static(StaticFiles):
    """Always asked whether it is still the same: a panel must fit the program that serves it."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(_HEADERS)
        return response


def _whole(text: str | None) -> int:
    """A whole number from 0 up; 0 if it is none."""
    return int(text) if text is not None and text.isdecimal() and len(text) < 19 else 0


def _refusal(told: str, code: int) -> Response:
    return JSONResponse({"told": told}, code)
