"""A machine to play with: what is done to it, how fast its time goes, and playing it again."""

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from controller.cli import main
from controller.config import Config
from controller.door import Word
from controller.machine import Machine
from controller.table import State
from sim.clock import VirtualClock
from sim.deeds import DEEDS, Deed
from sim.pace import AS_FAST_AS_IT_GOES, Pace
from sim.plan import Setting
from sim.session import KEPT, PHONES, Session
from sim.sim_program import Front
from sim.world import OPENING, PATH
from tests.processes import quench, written

DWELL_MS = 2_000


@pytest.fixture
def machine() -> Config:
    return Setting("lcus").config()


@pytest.fixture
def deeds() -> list[Deed]:
    return []


@pytest.fixture
def session(machine: Config, deeds: list[Deed]) -> Iterator[Session]:
    with closing(Session(machine, 1, on_deed=deeds.append)) as session:
        session.start()
        session.pass_to(1_000)
        yield session


def state(session: Session) -> State | None:
    return session.feed.status.state if session.feed else None


def visit(session: Session) -> None:
    """Over HTTP, as a phone does it."""
    token = session.world.token
    page = session.look(token)
    session.shown(token, page.mark)
    session.pass_to(session.now_ms + page.wait_ms)
    assert session.tap(token, page.mark)
    session.pass_to(session.now_ms + 1_000)
    assert session.look(token, page.mark).word is Word.ENJOY


# -- deeds ---------------------------------------------------------------------------------


def test_what_a_phone_does_is_written_down_as_deeds(session: Session, deeds: list[Deed]) -> None:
    visit(session)
    assert [(deed.what, deed.args) for deed in deeds] == [
        ("scan", (1,)),
        ("show", (1,)),
        ("tap", (1,)),
        ("look", (1,)),
    ]


def test_a_second_phone_with_the_same_code_is_a_photo_of_it(
    session: Session, deeds: list[Deed]
) -> None:
    token = session.world.token
    first, second = session.look(token), session.look(token)
    assert first.mark != second.mark
    assert [(deed.what, deed.args) for deed in deeds] == [("scan", (1,)), ("scan", (2,))]
    visit_page = session.look(token, first.mark)
    assert visit_page.mark == first.mark, "the same phone again"
    session.shown(token, first.mark)
    session.pass_to(session.now_ms + DWELL_MS)
    assert session.tap(token, first.mark)
    session.pass_to(session.now_ms + 1_000)
    assert session.look(token).word is Word.USED, "a third, who has it from the first"
    assert deeds[-1].what == "forward"


def test_what_nobody_was_given_does_nothing(session: Session, deeds: list[Deed]) -> None:
    token = session.world.token
    assert session.look("A" * 22).word is Word.STALE
    assert not session.tap(token, "0" * 48)
    session.shown(token, "0" * 48)
    assert deeds == []
    page = session.look(token)
    assert not session.tap("A" * 22, page.mark)
    assert session.look("A" * 22, page.mark).word is Word.STALE, "the mark is of another's page"


def test_a_preview_keeps_nobody_waiting(session: Session, deeds: list[Deed]) -> None:
    session.look(session.world.token, by_person=False)
    assert state(session) is State.IDLE
    assert deeds[-1].what == "preview"


def test_the_same_deeds_give_the_same_trace(
    session: Session, machine: Config, deeds: list[Deed]
) -> None:
    visit(session)
    session.do("cut", 40, 100)
    visit_token = session.world.token
    page = session.look(visit_token)
    session.pass_to(session.now_ms + DWELL_MS)
    session.tap(visit_token, page.mark)
    session.pass_to(session.now_ms + 500)
    session.do("spare")
    session.do("boot")
    session.pass_to(20_000)
    with closing(Session(machine, 1)) as again:
        again.start()
        for deed in deeds:
            again.pass_to(deed.at_ms)
            again.do(deed.what, *deed.args)
        again.pass_to(20_000)
        assert list(again.history) == list(session.history)


def test_the_dates_are_those_of_the_clock_on_the_wall(machine: Config) -> None:
    with closing(Session(machine, 1, opening=OPENING.replace(year=2026, hour=9))) as session:
        session.start()
        session.pass_to(1_000)
        visit(session)
        (entry,) = session.world.entries()
        assert entry.begun_at == "2026-04-27 09:00:03"


def test_only_so_many_phones_are_known(session: Session) -> None:
    token = session.world.token
    pages = [session.look(token) for _ in range(PHONES + 10)]
    assert len(session.hall.phones) == len(session.hall.pages) == PHONES
    assert not session.tap(token, pages[0].mark)
    session.pass_to(session.now_ms + DWELL_MS)
    assert session.tap(token, pages[-1].mark)


def test_a_secret_that_is_written_down_is_found(session: Session) -> None:
    visit(session)
    session.look_for_secrets()
    assert session.violations == {}
    with closing(session.world.disk.connect(PATH)) as database:
        database.execute("UPDATE dispense SET begun_at = ?", (session.hall.tokens[0],))
    session.look_for_secrets()
    assert list(session.violations) == ["S6 nobody is recorded"]


def test_power_and_who_is_told(machine: Config) -> None:
    told: list[str] = []
    session = Session(
        machine,
        1,
        on_boot=lambda controller: told.append("boots"),
        on_gone=lambda: told.append("gone"),
    )
    with closing(session):
        session.start()
        session.do("stop")
        assert told == ["boots", "gone"]
        assert session.look("A" * 22).word is Word.STALE, "whoever was still being answered"
        session.do("boot")
        session.pass_to(6_000)
        assert told == ["boots", "gone", "boots"]
        assert state(session) is State.IDLE


def test_a_violation_is_kept_and_the_machine_goes_on(
    machine: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Machine, "dwell_passed", lambda self, event: True)
    with closing(Session(machine, 1)) as session:
        session.start()
        token = session.world.token
        page = session.look(token)
        session.tap(token, page.mark)
        assert list(session.violations) == ["S1 warned first"]
        session.pass_to(session.now_ms + 2_000)
        assert state(session) is State.IDLE


def test_what_was_seen_is_kept_for_a_while(session: Session) -> None:
    while session.seen <= KEPT:
        visit(session)
        session.do("load", "water", 12)
    assert len(session.history) == KEPT
    assert session.history[-1].number == session.seen
    assert session.world.trace == []


# -- how fast ------------------------------------------------------------------------------


@pytest.fixture
def clock() -> VirtualClock:
    """The real one, as far as they know."""
    return VirtualClock(50_000)


def paced(session: Session, clock: VirtualClock, speed: float = 1.0) -> Pace:
    pace = Pace(clock, speed)
    pace.play(session)
    return pace


def turns(pace: Pace, clock: VirtualClock, real_ms: int) -> None:
    """What the loop does in so long a time."""
    for _ in range(real_ms // 10):
        clock.sleep_ms(10)
        pace.turn(0)


def test_time_goes_as_fast_as_it_is_told(session: Session, clock: VirtualClock) -> None:
    pace = paced(session, clock)
    turns(pace, clock, 1_000)
    assert session.now_ms == 2_000
    pace.set(10)
    turns(pace, clock, 1_000)
    assert session.now_ms == 12_000
    pace.set(0.5)
    turns(pace, clock, 1_000)
    assert session.now_ms == 12_500


def test_it_stands_still_and_goes_on_from_there(session: Session, clock: VirtualClock) -> None:
    pace = paced(session, clock)
    pace.pause()
    turns(pace, clock, 5_000)
    assert session.now_ms == 1_000
    assert pace.ask(lambda: session.look(session.world.token)).word is Word.FORM
    pace.pause(paused=False)
    turns(pace, clock, 100)
    assert session.now_ms == 1_100


def test_a_step_is_what_happens_next(session: Session, clock: VirtualClock) -> None:
    pace = paced(session, clock)
    token = session.world.token
    page = session.look(token)
    session.pass_to(session.now_ms + page.wait_ms)
    session.tap(token, page.mark)
    while state(session) is State.DISPENSING:
        before_ms = session.now_ms
        pace.step()
        assert before_ms < session.now_ms <= before_ms + 1_000
    assert session.now_ms == 3_000 + 700


def test_as_fast_as_it_goes(session: Session, clock: VirtualClock) -> None:
    pace = paced(session, clock, AS_FAST_AS_IT_GOES)
    for _ in range(100):
        pace.turn(0)
    assert session.now_ms >= 100_000, "without a moment of real time"


def test_others_ask_the_thread_that_owns_it(machine: Config, clock: VirtualClock) -> None:
    stop = threading.Event()
    owner: list[int] = []
    ready: list[Pace] = []
    began = threading.Event()

    def own() -> None:
        with closing(Session(machine, 1)) as session:
            session.start()
            ready.append(paced(session, clock))
            began.set()
            ready[0].run(stop.is_set)

    thread = threading.Thread(target=own)
    thread.start()
    assert began.wait(30)
    pace = ready[0]
    owner.append(pace.ask(threading.get_ident))
    assert owner == [thread.ident]
    with pytest.raises(KeyError):
        pace.ask(lambda: DEEDS["nonsense"])
    assert pace.wish(threading.get_ident).result(30) == thread.ident
    stop.set()
    pace.wake()
    thread.join(30)
    assert not thread.is_alive()


def test_what_nobody_wants_any_more_is_not_done(session: Session, clock: VirtualClock) -> None:
    pace = paced(session, clock)
    done: list[str] = []
    assert pace.wish(lambda: done.append("unwanted")).cancel()
    wanted = pace.wish(lambda: done.append("wanted"))
    turns(pace, clock, 20)
    assert wanted.done()
    assert done == ["wanted"]


# -- the command ---------------------------------------------------------------------------


LONG = {"dwell_ms": 20_000, "scan_timeout_ms": 300_000, "confirm_timeout_ms": 600_000}


def test_the_simulator_in_a_hurry(tmp_path: Path) -> None:
    """Twenty seconds of dwell are one."""
    config = written(tmp_path, timing=LONG)
    with quench("sim", "--config", config, "--speed", "20") as program:
        url = program.wait_for(r"^Scan it, or open (\S+)$").group(1)
        with httpx.Client() as http:
            page = http.get(url).text
            found = re.search(r'name="visit" value="(\w+)"', page)
            assert found
            query = {"visit": found.group(1)}
            while 'data-ms="0"' not in (page := http.get(url, params=query).text):
                assert "<form" in page
            http.post(url, data=query)
        program.wait_for("-> board  A0 01 01 A2")
        program.wait_for("^quench: dispense 1: commanded")


def test_nobody_answers_while_no_controller_runs() -> None:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=Front().app)
        async with httpx.AsyncClient(transport=transport, base_url="http://machine") as http:
            return await http.get("/")

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.text.startswith("SIMULATED: ")


def test_it_ends_at_once_though_phones_still_ask(tmp_path: Path) -> None:
    """Each of them is answered, or its connection ends; the end waits for none."""
    with quench("sim", "--config", written(tmp_path)) as program:
        url = program.wait_for(r"^Scan it, or open (\S+)$").group(1)
        asked, stop = threading.Semaphore(0), threading.Event()

        def ask() -> None:
            with suppress(httpx.TransportError), httpx.Client(timeout=30) as http:
                while not stop.is_set():
                    http.get(url)
                    asked.release()

        phones = [threading.Thread(target=ask) for _ in range(8)]
        for phone in phones:
            phone.start()
        for _ in range(100):
            assert asked.acquire(timeout=30)
        assert program.stop() == 0
        assert "left behind" not in program.said
        stop.set()
        for phone in phones:
            phone.join(30)
            assert not phone.is_alive()


@pytest.mark.parametrize("speed", ["fast", "-1", "10001", "nan"])
def test_a_speed_that_is_none(speed: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sim", f"--speed={speed}"])
    assert ended.value.code == 2
    assert f"{speed!r} is not a speed; allowed: 0 to 10000" in capsys.readouterr().err
