"""HTTP: thin. What a request means is decided in ``controller.door``, drawn in ``pages``."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import parse_qs, quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from controller.codes import TOKEN_PATTERN, scan_url
from controller.door import Answers
from controller.machine import Reason
from controller.status import Feed, Status
from controller.web import pages, previews, qr
from controller.web.metrics import Metrics
from controller.web.words import LANGUAGES, Words, preferred

TAP_BYTES = 1_000
"""A tap is a mark and a language."""
TAP_WAIT_S = 2.0
"""How long a tap waits to hear what came of it; after that the page follows by itself."""
BEAT_S = 15.0
"""How often a silent event stream shows that it is alive."""
START_WAIT_S = 5.0
"""How long a screen waits for a machine that is starting, so that it needn't show a broken one."""
STREAMS = 64
"""Screens that may listen at once: a limit for a crowd that opens the screen on its phones."""

_NO_STORE = {"Cache-Control": "no-store"}


class Web:
    """The pages of one machine, as an ASGI application in :attr:`app`."""

    def __init__(
        self,
        *,
        name: str,
        public_url: str,
        door: Answers,
        feed: Feed,
        simulated: bool,
        build: str,
        risks: Sequence[str] = (),
    ) -> None:
        """``risks``: what the operator must know of it though nothing is wrong."""
        self._name = name
        self._public_url = public_url
        self._door = door
        self._feed = feed
        self._metrics = Metrics(feed)
        self._simulated = simulated
        self._build = build
        self._risks = list(risks)
        self._page_headers = {
            **_NO_STORE,
            "Content-Security-Policy": pages.content_security_policy(),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        self._phone_headers = {
            lang: _raw(
                self._page_headers,
                {
                    "Content-Type": "text/html; charset=utf-8",
                    "Content-Language": lang,
                    "Vary": "Accept-Language",
                },
            )
            for lang in LANGUAGES
        }
        self._warnings = {lang: self._metrics.warnings.labels(lang) for lang in LANGUAGES}
        self._listeners: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = False
        self.app = Starlette(
            routes=[
                Route("/s/{token}", self._look, methods=["GET"]),
                Route("/s/{token}", self._tap, methods=["POST"]),
                Route("/s/{token}/shown", self._shown, methods=["GET"]),
                Route("/", self._screen),
                Route("/events", self._events),
                Route("/qr.svg", self._qr),
                Route("/api/status", self._status),
                Route("/healthz", self._health),
                Route("/metrics", self._counters),
                Route("/s", self._astray, methods=["GET", "POST"]),
                Route("/s/{rest:path}", self._astray, methods=["GET", "POST"]),
            ],
        )
        feed.subscribe(self._wake)

    # -- the phone ----------------------------------------------------------------

    async def _look(self, request: Request) -> Response:
        token = request.path_params["token"]
        headers = dict(request.scope["headers"])
        page = self._door.look(
            token,
            _query(request, "visit"),
            by_person=not previews.says_so(request.method, headers),
        )
        words = _language(request, headers)
        self._warnings[words.lang].inc()
        body = pages.phone(page, words, token if TOKEN_PATTERN.fullmatch(token) else "")
        return _Prepared(body, self._phone_headers[words.lang])

    async def _tap(self, request: Request) -> Response:
        token = request.path_params["token"]
        form = await _form(request)
        mark, lang = form.get("visit", ""), form.get("lang", "")
        loop = asyncio.get_running_loop()
        decided = asyncio.Event()

        def done() -> None:
            loop.call_soon_threadsafe(decided.set)

        if self._door.tap(token, mark, done):
            # If the loop is busy with slow hardware, the page follows by itself.
            with suppress(TimeoutError):
                await asyncio.wait_for(decided.wait(), TAP_WAIT_S)
        query = f"?visit={quote(mark)}" + (f"&lang={lang}" if lang in LANGUAGES else "")
        return RedirectResponse(f"{quote(token)}{query}", status_code=303, headers=_NO_STORE)

    async def _shown(self, request: Request) -> Response:
        self._door.shown(request.path_params["token"], _query(request, "visit"))
        return Response(status_code=204, headers=_NO_STORE)

    async def _astray(self, request: Request) -> Response:
        """An address that is no code's; whoever came by it is warned all the same."""
        words = _language(request, dict(request.scope["headers"]))
        body = pages.phone(self._door.look(""), words, "")
        return _Prepared(body, self._phone_headers[words.lang])

    # -- the machine's screen -------------------------------------------------------

    async def _screen(self, request: Request) -> Response:
        html = pages.screen(await self._started(), name=self._name, simulated=self._simulated)
        return Response(html, media_type="text/html", headers=self._page_headers)

    async def _qr(self, request: Request) -> Response:
        token = (await self._started()).token
        if not token:
            return Response("no code can be scanned now", 404, _NO_STORE, "text/plain")
        return Response(qr.svg(scan_url(self._public_url, token)), 200, _NO_STORE, "image/svg+xml")

    async def _events(self, request: Request) -> Response:
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse(self._for_screen(await self._started()), headers=_NO_STORE)
        if len(self._listeners) >= STREAMS:
            return Response("too many screens listen", 503, {"Retry-After": "10"}, "text/plain")
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers=_NO_STORE)

    async def _stream(self) -> AsyncIterator[str]:
        told = ""
        with self._listening() as news:
            while not self._closing:
                news.clear()
                tell = json.dumps(self._for_screen(self._feed.status))
                if tell != told:
                    told = tell
                    yield f"retry: 1000\ndata: {tell}\n\n"
                try:
                    await asyncio.wait_for(news.wait(), BEAT_S)
                except TimeoutError:
                    yield "event: beat\ndata:\n\n"

    async def _started(self) -> Status:
        """The status, as soon as the relay has been told OFF or found missing."""
        if self._feed.status.reason is Reason.STARTING:
            with self._listening() as news, suppress(TimeoutError):
                async with asyncio.timeout(START_WAIT_S):
                    while self._feed.status.reason is Reason.STARTING and not self._closing:
                        await news.wait()
                        news.clear()
        return self._feed.status

    @contextmanager
    def _listening(self) -> Iterator[asyncio.Event]:
        """Set with each new status."""
        self._loop = asyncio.get_running_loop()
        news = asyncio.Event()
        self._listeners.add(news)
        try:
            yield news
        finally:
            self._listeners.discard(news)

    def _for_screen(self, status: Status) -> dict[str, object]:
        return {
            "state": status.state.value,
            "face": pages.face(status),
            "reason": status.reason.value if status.reason else None,
            "code": pages.scannable_code(status) or None,
            "last_went_well": pages.went_well(status),
            "build": self._build,
        }

    def _wake(self, status: Status) -> None:
        """The runner's thread has news."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._tell_listeners)

    def _tell_listeners(self) -> None:
        for news in self._listeners:
            news.set()

    def close(self) -> None:
        """End the event streams, from any thread, so that the server can stop."""
        self._closing = True
        self._wake(self._feed.status)

    # -- programs ---------------------------------------------------------------------

    async def _status(self, request: Request) -> Response:
        status = await self._started()
        body = {
            "name": self._name,
            "state": status.state.value,
            "simulated": self._simulated,
            "reason": status.reason.value if status.reason else None,
            "detail": status.detail or None,
            "risks": self._risks,
            "slots": [
                {
                    "name": slot.name,
                    "capacity": slot.capacity,
                    "remaining": slot.remaining,
                    "healthy": slot.healthy,
                    "fault": slot.fault or None,
                }
                for slot in status.slots
            ],
        }
        return JSONResponse(body, headers=_NO_STORE)

    async def _health(self, request: Request) -> Response:
        return Response("ok", headers=_NO_STORE, media_type="text/plain")

    async def _counters(self, request: Request) -> Response:
        return Response(self._metrics.text(), media_type="text/plain; version=0.0.4")


_RawHeaders = list[tuple[bytes, bytes]]


class _Prepared(Response):
    """A page whose headers are the same for everybody, and encoded once."""

    def __init__(self, body: bytes, headers: _RawHeaders) -> None:
        self.status_code = 200
        self.background = None
        self.body = body
        self.raw_headers = [*headers, (b"content-length", b"%d" % len(body))]


def _raw(*headers: dict[str, str]) -> _RawHeaders:
    return [
        (name.lower().encode(), value.encode()) for each in headers for name, value in each.items()
    ]


def _query(request: Request, name: str) -> str:
    """A query parameter, or the empty string."""
    return request.query_params.get(name, "") if request.scope["query_string"] else ""


def _language(request: Request, headers: Mapping[bytes, bytes]) -> Words:
    chosen = LANGUAGES.get(_query(request, "lang"))
    return chosen or preferred(headers.get(b"accept-language", b"").decode("latin-1"))


async def _form(request: Request) -> dict[str, str]:
    """The fields of a small url-encoded form; a large or broken one has none."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > TAP_BYTES:
            return {}
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=8)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}
