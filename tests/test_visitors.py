"""What visitors can do to the door that they should not, and what they get however it stands."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from controller.assembly import Controller, assemble
from controller.codes import Marks, digest
from controller.config import Config
from controller.door import Word
from controller.events import Outcome, Scanned
from controller.inbox import CAPACITY, Letter
from controller.journal import Journal
from controller.table import State
from controller.web import app
from controller.web.app import Web
from drivers.hal import PortMissing, Relay, RelaySettings
from sim.clock import VirtualClock
from sim.properties import recorded, teaches
from sim.world import World
from tests.processes import PATIENCE_S


@pytest.fixture
def world(config: Config, tmp_path: Path) -> Iterator[World]:
    """A machine in service."""
    world = World(config)
    world.boot()
    world.wait(1_000)
    yield world
    world.close()


# -- what a page proves ------------------------------------------------------------------


def test_a_tap_counts_when_the_dwell_of_the_config_is_over(world: World) -> None:
    page = world.fetch(world.token)
    assert page.wait_ms == world.config.timing.dwell_ms
    world.wait(page.wait_ms - 1)
    world.tap(world.token, page.mark)
    assert world.state is State.WARNED
    world.wait(1)
    world.tap(world.token, page.mark)
    assert world.state is State.DISPENSING


def test_a_page_of_an_earlier_run_proves_nothing(world: World) -> None:
    page = world.fetch(world.token)
    world.wait(page.wait_ms)
    world.kill()
    world.boot()
    world.wait(1_000)
    assert world.state is State.IDLE
    world.tap(world.token, page.mark)
    assert world.state is State.IDLE
    assert world.entries() == []


def test_a_page_of_an_earlier_code_proves_nothing(world: World) -> None:
    page = world.fetch(world.token)
    world.wait(world.config.timing.scan_timeout_ms)
    assert world.state is State.IDLE
    world.fetch(world.token)
    world.tap(world.token, page.mark)
    assert world.state is State.SCANNED
    assert world.entries() == []


@pytest.mark.parametrize("mark", ["", "A" * 32, Marks(b"a guess at the key").make(1, 0)])
def test_a_mark_that_was_made_up_proves_nothing(world: World, mark: str) -> None:
    world.fetch(world.token)
    world.show(world.token, mark)
    assert world.state is State.SCANNED, "nothing was shown"
    world.wait(world.config.timing.dwell_ms)
    world.tap(world.token, mark)
    assert world.state is State.SCANNED
    assert world.entries() == []


# -- what is kept of a visitor -------------------------------------------------------------


def test_nobody_is_recorded_in_the_journal_or_the_log(
    config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    world = World(config)
    world.boot()
    world.wait(1_000)
    token, page = world.token, world.fetch(world.token)
    world.wait(page.wait_ms)
    world.tap(token, page.mark)
    world.wait(1_000)
    assert [entry.outcome for entry in world.entries()] == [Outcome.COMMANDED]
    files = list(world.disk.files().items())
    world.close()
    assert any(digest(token).encode() in content for _, content in files), "what may be kept is"
    haystacks = [*files, ("log", caplog.text.encode())]
    assert list(recorded(haystacks, [token, token[:7], token[-7:], page.mark])) == []


# -- the lesson, while the loop is elsewhere -----------------------------------------------


def absent(settings: RelaySettings) -> Relay:
    raise PortMissing(f"{settings.port}: no such port")


@pytest.fixture
def stalled(config: Config, tmp_path: Path) -> Iterator[Controller]:
    """A controller whose loop takes no turn: it hangs somewhere, from the start on."""
    with closing(Journal(tmp_path / "quench.db")) as journal:
        yield assemble(
            config,
            journal,
            absent,
            lambda settings, relay: pytest.fail("no sensor is configured"),
            clock=VirtualClock(),
            random_bytes=bytes,
        )


def asked(
    controller: Controller, ask: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
) -> httpx.Response:
    """What the pages answer to ``ask``; only a hang reaches the end of patience."""
    web = Web(
        name="x",
        public_url="http://x",
        door=controller.door,
        feed=controller.runner.feed,
        simulated=False,
        build="x",
    )

    async def answer() -> httpx.Response:
        transport = httpx.ASGITransport(app=web.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await asyncio.wait_for(ask(client), PATIENCE_S)

    return asyncio.run(answer())


TOKEN = "A" * 22


def test_the_lesson_waits_for_no_relay(
    stalled: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the screen waits until the relay has been told OFF."""
    monkeypatch.setattr(app, "START_WAIT_S", 10 * PATIENCE_S)
    answer = asked(stalled, lambda client: client.get(f"/s/{TOKEN}"))
    assert answer.status_code == 200
    assert teaches(answer.text)


def test_a_tap_waits_for_a_stalled_loop_no_longer_than_it_must(
    stalled: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "TAP_WAIT_S", 0.01)
    stalled.runner.visits.open(1, TOKEN)
    mark = stalled.door.look(TOKEN).mark
    tap = {"visit": mark}
    answer = asked(stalled, lambda client: client.post(f"/s/{TOKEN}", data=tap))
    assert answer.status_code == 303


def test_no_get_releases_a_drink(world: World) -> None:
    """A robot may fetch whatever it finds in a page whose dwell is over."""
    assert world.controller is not None
    token, page = world.token, world.fetch(world.token)
    world.wait(page.wait_ms)
    query = {"visit": page.mark}
    asked(world.controller, lambda client: client.get(f"/s/{token}", params=query))
    asked(world.controller, lambda client: client.get(f"/s/{token}/shown", params=query))
    world.wait(1_000)
    assert world.state is State.WARNED
    assert world.entries() == []


def test_a_flood_that_the_loop_does_not_drain_costs_nobody_the_lesson(world: World) -> None:
    assert world.controller is not None
    door, inbox = world.controller.door, world.controller.inbox
    while inbox.put(Letter((Scanned(0),))):
        pass
    page = door.look(world.token)
    assert page.word is Word.FORM
    door.shown(world.token, page.mark)
    told: list[str] = []
    assert not door.tap(world.token, page.mark, lambda: told.append("done"))
    world.wait(1_000)
    assert told == [], "who was not taken is not told"
    # The loop is through with it, and takes the next.
    page = world.fetch(world.token)
    world.wait(page.wait_ms)
    world.tap(world.token, page.mark)
    assert world.state is State.DISPENSING


def test_the_inbox_holds_what_a_hall_can_send_and_no_more(world: World) -> None:
    assert world.controller is not None
    inbox = world.controller.inbox
    taken = [inbox.put(Letter(())) for _ in range(CAPACITY + 2)]
    assert taken == [True] * CAPACITY + [False] * 2
