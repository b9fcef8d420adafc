"""The face itself: shows a view a few times a second, and hands keys to the desk."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content

from sim.desk import Desk, Refused
from sim.tui import drawn
from sim.tui.faults import Faults
from sim.tui.keys import HANDS, ROWS, Hand
from sim.tui.parts import Tail, Words
from sim.tui.view import Reader, View

EVERY_S = 0.2
"""So often it looks, in real time: a person reads no faster."""

WIDE, TALL = 120, 32
"""From so many columns, and rows, on there is room for more than the essential."""


class Tui(App[None]):
    """One. It never waits for the thread that owns the session: that one answers when it can."""

    ENABLE_COMMAND_PALETTE = False
    CSS_PATH = "face.tcss"
    TITLE = "quench sim: SIMULATED"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (TALL, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"hand('{key}')") for key in HANDS),
        Binding("f", "faults"),
        Binding("q", "quit"),
        Binding("ctrl+c", "quit", priority=True),
    ]

    def __init__(
        self, desk: Desk, url: str, stopping: Callable[[], bool], *, every_s: float = EVERY_S
    ) -> None:
        """``url``: where the machine can be reached. ``stopping``: whether it has to end."""
        super().__init__()
        self._desk, self._url = desk, url
        self._stopping, self._every_s = stopping, every_s
        self._view: View | None = None
        self._top, self._code, self._rules = Words(id="head"), Words(id="screen"), Words(id="rules")
        self._words = {
            draw: Words(id=draw.__name__)
            for draw in (drawn.state, drawn.deadlines, drawn.slots, drawn.broken, drawn.lights)
        }
        self._wire, self._trace, self._said = Tail("wire"), Tail("seen"), Tail("log")
        self._log_lines: Sequence[str] = ()

    def compose(self) -> ComposeResult:
        yield self._top
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield self._code
                yield self._rules
            with Vertical(id="rest"):
                with Vertical(id="middle"):
                    yield from self._words.values()
                    yield self._wire
                with Vertical(id="right"):
                    yield self._trace
                    yield self._said
        yield Words(_footer(), id="keys")

    def on_mount(self) -> None:
        """It begins to look."""
        self.run_worker(self._watch())
        self.set_interval(self._every_s, self._end_if_asked)

    def _end_if_asked(self) -> None:
        if self._stopping():
            self.exit()

    # -- what somebody sees ------------------------------------------------------------

    async def _watch(self) -> None:
        reader = Reader(self._desk)
        while True:
            self._show(await asyncio.wrap_future(self._desk.pace.wish(reader)))
            await asyncio.sleep(self._every_s)

    def _show(self, view: View) -> None:
        self._view = view
        self._top.say(drawn.head(view, self._url))
        room = self._code.size
        self._code.say(drawn.screen(view, self._url, room.width, room.height))
        self._rules.say(drawn.rules(view))
        for draw, words in self._words.items():
            words.say(draw(view))
        self._list(view)
        if isinstance(self.screen, Faults):
            self.screen.hear(view)

    def _list(self, view: View) -> None:
        if view.anew:
            self._wire.clear()
            self._trace.clear()
        self._wire.add(drawn.frames(view))
        self._trace.add(drawn.seen(view))
        self._trace.border_title = drawn.title(view)
        if view.log != self._log_lines:
            self._log_lines = view.log
            self._said.clear()
            self._said.add([Content(line) for line in view.log])

    # -- what somebody does ------------------------------------------------------------

    def action_hand(self, key: str) -> None:
        """What the key does at the desk."""
        self.do(HANDS[key])

    def action_faults(self) -> None:
        """The list of all that can go wrong."""
        if self._view is not None:
            self.push_screen(Faults(self._view, self.do))

    def do(self, hand: Hand) -> None:
        """It will be done; if it can't be, somebody is told why."""
        self.run_worker(self._done(self._desk.pace.wish(lambda: hand(self._desk))))

    async def _done(self, answer: Future[None]) -> None:
        try:
            await asyncio.wrap_future(answer)
        except Refused as refused:
            self.notify(str(refused), severity="warning", markup=False)


def _footer() -> Content:
    """The keys; they can be clicked, too."""
    own = (("f", "faults", "faults"), ("q", "quit", "quit"))
    rows = [
        [*((key.cap, key.title, f"hand('{key.key}')") for key in row), last]
        for row, last in zip(ROWS, own, strict=True)
    ]
    return Content("\n").join(Content("  ").join(_key(*key) for key in row) for row in rows)


def _key(cap: str, title: str, action: str) -> Content:
    return Content.from_markup(
        f"[@click=app.{action}][bold $text-accent]$cap[/] $title[/]", cap=cap, title=title
    )
