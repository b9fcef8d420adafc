"""What a face of the simulator can ask for, and what it is told, without a browser."""

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.config import Config, load
from sim import recording
from sim.clock import VirtualClock
from sim.crowd import MOST_PER_HOUR
from sim.desk import Desk, Refused
from sim.panel.app import ASKED_BYTES, MOST_NEWS, Panel
from sim.plan import Setting
from sim.rewired import SENSORS, dialects, rewired, sensor_of
from sim.world import OPENING
from tests.conftest import ROOT

DAY_MS = 8 * 3_600_000


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk(load(ROOT / "config.yaml"), VirtualClock(), seed=1, opening=OPENING)
    desk.open()
    with closing(desk):
        desk.session.pass_to(1_000)
        yield desk
        desk.stop()


@pytest.fixture
def replay() -> Iterator[Desk]:
    said = recording.of_run("7")
    desk = Desk(said.config, VirtualClock(), seed=1, opening=OPENING, replayed=said)
    desk.open()
    with closing(desk):
        yield desk
        desk.stop()


def act(desk: Desk, what: str, **how: Any) -> dict[str, Any]:
    desk.act({"do": what, **how})
    return desk.look()


# -- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "nobody can do None; allowed: deed, "),
        ({"do": "dance"}, "nobody can do 'dance'; allowed: deed, "),
        ({"do": "deed"}, "nobody can 'None'; allowed: "),
        ({"do": "deed", "deed": "throw mud"}, "no fault is called 'mud'"),
        ({"do": "deed", "deed": ""}, "allowed"),
        ({"do": "speed"}, "x: None is not a number from 0 to 10000"),
        ({"do": "speed", "x": 10_001}, "x: 10001 is not a number from 0 to 10000"),
        ({"do": "speed", "x": True}, "x: True is not a number"),
        ({"do": "speed", "x": float("nan")}, "x: nan is not a number"),
        ({"do": "crowd", "per_hour": -1}, "per_hour: -1 is not a number from 0 to 3600"),
        ({"do": "rewire", "dialect": "morse"}, "no board speaks 'morse'; allowed: devantech, "),
        ({"do": "rewire", "sensor": "eye"}, "no drop sensor is called 'eye'; allowed: none, "),
        ({"do": "back"}, "time goes back in a recording only"),
        ({"do": "seek", "at_ms": 0}, "only a recording has a beginning"),
    ],
)
def test_what_can_not_be_done_is_told(desk: Desk, asked: Mapping[str, Any], told: str) -> None:
    before = desk.look()
    with pytest.raises(Refused) as refused:
        desk.act(asked)
    assert told in str(refused.value)
    assert desk.look() == before


@pytest.mark.parametrize("what", ["deed", "preview", "refill", "mend", "crowd", "rewire"])
def test_a_recording_can_not_be_changed(replay: Desk, what: str) -> None:
    with pytest.raises(Refused, match="what was done then can't be changed now"):
        replay.act({"do": what, "deed": "unplug"})


def test_over_http_too(desk: Desk) -> None:
    panel = Panel(desk)

    async def asked() -> list[tuple[int, str]]:
        transport = httpx.ASGITransport(app=panel.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://machine") as http:
            json_of = {"content-type": "application/json"}
            answers = [
                await http.post("/sim/do", content=b'{"do": "step"}'),
                await http.post("/sim/do", content=b"{", headers=json_of),
                await http.post("/sim/do", content=b"[]", headers=json_of),
                await http.post("/sim/do", content=b" " * (ASKED_BYTES + 1), headers=json_of),
                await http.post("/sim/do", json={"do": "dance"}),
                await http.get("/sim/../../config.yaml"),
                await http.get("/sim/nothing.js"),
            ]
            return [(answer.status_code, answer.text) for answer in answers]

    codes = [code for code, _ in asyncio.run(while_it_turns(desk, asked()))]
    assert codes == [415, 400, 400, 413, 409, 404, 404]


async def while_it_turns(desk: Desk, asking: Any) -> Any:
    """What the thread that owns the session does meanwhile, done in a thread of its own."""
    task = asyncio.create_task(asking)
    while not task.done():
        await asyncio.to_thread(desk.pace.run, lambda: True)
        await asyncio.sleep(0)
        desk.pace.turn(0.01)
    return await task


# -- what is told ----------------------------------------------------------------------------


def test_a_thousand_frames_are_told_in_bounds(desk: Desk) -> None:
    act(desk, "rewire", dialect="numato")
    desk.session.pass_to(600_000)
    news, skipped = desk.news(0, MOST_NEWS)
    assert len(news) == MOST_NEWS
    assert skipped == desk.session.seen - MOST_NEWS > 1_000
    assert [item["n"] for item in news] == list(
        range(desk.session.seen - MOST_NEWS + 1, desk.session.seen + 1)
    )


def test_the_next_thing_to_be_seen(desk: Desk) -> None:
    act(desk, "rewire", dialect="lcus")
    desk.session.pass_to(10_000)
    act(desk, "deed", deed="scan 1")
    before = desk.session.seen
    look = act(desk, "step")
    assert look["paused"]
    assert look["state"] == "idle", "the visitor never came to read"
    assert desk.session.seen > before


def test_a_step_of_a_machine_at_rest_is_its_next_look(desk: Desk) -> None:
    desk.session.pass_to(10_000)
    assert act(desk, "step")["now_ms"] == 11_000
    assert act(desk, "step")["now_ms"] == 12_000


def test_a_replay_goes_back_and_forth(replay: Desk) -> None:
    act(replay, "seek", at_ms=60_000)
    moments = [(look := act(replay, "step"))["now_ms"] for _ in range(8)]
    assert moments == sorted(set(moments))
    seen, counts = replay.session.seen, look["counts"]
    backwards = [act(replay, "back")["now_ms"] for _ in range(7)]
    assert backwards == moments[-2::-1]
    for _ in range(7):
        look = act(replay, "step")
    assert (look["now_ms"], replay.session.seen) == (moments[-1], seen)
    assert look["counts"] == counts
    assert act(replay, "seek", at_ms=0)["now_ms"] == 0


def test_a_replay_stands_still_at_its_end(replay: Desk) -> None:
    assert replay.replayed is not None
    end_ms = replay.replayed.end_ms
    replay.session.pass_to(end_ms + 1_000)
    replay.turn()
    assert replay.look()["paused"]
    assert replay.look()["now_ms"] == end_ms
    with pytest.raises(Refused, match="the recording is over"):
        act(replay, "step")
    act(replay, "back")
    assert act(replay, "step")["now_ms"] <= end_ms


# -- what is built ---------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", dialects())
@pytest.mark.parametrize("sensor", SENSORS)
def test_any_board_with_any_sensor_gives_a_drink(desk: Desk, dialect: str, sensor: str) -> None:
    act(desk, "rewire", dialect=dialect, sensor=sensor)
    desk.session.pass_to(2_000)
    hello = desk.hello()
    assert (hello["dialect"], hello["sensor"]) == (dialect, sensor)
    act(desk, "crowd", per_hour=600)
    desk.session.pass_to(300_000)
    assert desk.session.counts["drinks"] > 5
    assert desk.look()["violations"] == {}
    names = {each["name"] for each in hello["breakages"]}
    assert ("blind" in names) == (sensor != "none")


def test_a_machine_that_can_not_start_is_started_later(tmp_path: Path) -> None:
    """Somebody else holds its journal when another board is chosen."""
    desk = Desk(
        load(ROOT / "config.yaml"),
        VirtualClock(),
        seed=1,
        opening=OPENING,
        journal=tmp_path / "quench.db",
    )
    desk.open()
    with closing(desk):
        with closing(sqlite3.connect(tmp_path / "quench.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert not act(desk, "rewire", dialect="numato")["running"]
        assert act(desk, "deed", deed="boot")["running"]
        assert desk.hello()["dialect"] == "numato"
        desk.stop()


def test_from_pins_to_a_board_and_to_another_sensor() -> None:
    pins = Setting("gpio").config()
    there: Config = rewired(pins, dialect="hw667", sensor="dsr")
    assert [slot.channel for slot in there.slots] == [1]
    assert sensor_of(there) == "dsr"
    back = rewired(there, dialect="lcus", sensor="none")
    assert sensor_of(back) == "none"


def test_a_crowded_day_at_the_expo(desk: Desk) -> None:
    """Nothing breaks, nobody is turned away for long, and nothing grows without bound."""
    act(desk, "crowd", per_hour=MOST_PER_HOUR / 10)
    desk.session.pass_to(DAY_MS)
    look = desk.look()
    assert look["violations"] == {}
    assert look["counts"]["drinks"] > 700
    assert len(desk.session.hall.phones) < 2_100
    assert len(desk.session.hall.tokens) < 1_100
