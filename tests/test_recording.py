"""A session written down: what is in the file, playing it again, and making a test of it."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from controller.cli import main
from controller.config import Config
from controller.errors import ConfigError
from sim import export, recording
from sim.clock import VirtualClock
from sim.desk import Desk, Refused
from sim.plan import Choice, Setting, draw
from sim.recording import Recording
from sim.replay import play, replay
from sim.run import run
from sim.session import Session
from sim.trace import Seen, digest
from sim.world import OPENING
from tests.conftest import ROOT
from tests.processes import quench, written


@pytest.fixture
def machine() -> Config:
    return Setting("lcus", sensor="cts").config()


@pytest.fixture
def desk(machine: Config, clock: VirtualClock) -> Iterator[Desk]:
    desk = Desk(machine, clock, seed=3, opening=OPENING)
    desk.open()
    with closing(desk):
        yield desk
        desk.stop()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def an_hour(desk: Desk) -> list[Seen]:
    """A crowded one in which much breaks; all that was seen in it."""
    seen: list[Seen] = [told.seen for told in desk.session.history]
    desk.session.on_seen = seen.append
    desk.act({"do": "crowd", "per_hour": 600})
    for minute, deed in enumerate(("throw unplug", "mend unplug", "blackout", "boot", "noise"), 1):
        desk.session.pass_to(minute * 600_000)
        desk.act({"do": "deed", "deed": deed})
    desk.session.pass_to(3_600_000)
    return seen


def seen_again(said: Recording) -> list[Seen]:
    seen: list[Seen] = []
    session = Session(said.config, said.seed, script=said.deeds, opening=said.opening)
    with closing(session):
        session.on_seen = seen.append
        session.start()
        session.pass_to(said.end_ms)
    return seen


def test_an_hour_played_again_is_the_same_to_the_bit(desk: Desk) -> None:
    seen = an_hour(desk)
    said = recording.read(desk.recorded, "it")
    assert len(said.deeds) > 1_000
    assert digest(seen_again(said)) == digest(seen)
    assert desk.session.counts["drinks"] > 100
    assert desk.session.violations == {}


def test_what_is_read_is_what_was_written(desk: Desk) -> None:
    an_hour(desk)
    said = recording.read(desk.recorded, "it")
    assert str(said) == desk.recorded
    assert recording.read(str(said), "it") == said


@pytest.mark.parametrize("seed", [1, 7, 12])
def test_a_run_of_a_campaign_is_the_same_as_a_recording(seed: int) -> None:
    plan = draw(seed, replace(Choice(), visits=40))
    ran = run(plan, keep=True).trace
    last_ms = plan.deeds[-1].at_ms
    again = seen_again(recording.of_plan(plan))
    before = [seen for seen in again if seen.at_ms < last_ms]
    assert before == [seen for seen in ran if seen.at_ms < last_ms]
    assert len(before) > 100


def test_a_recorded_session_ends_where_it_ended(tmp_path: Path) -> None:
    """The real program, and its file."""
    path = tmp_path / "session.jsonl"
    with quench("sim", "--config", written(tmp_path), "--record", path) as program:
        program.wait_for("^quench: ready at ")
        assert program.stop() == 0
    said = recording.load(path)
    assert (said.deeds, said.config.machine.name) == ((), "tianjin-01")
    assert "end_ms" in path.read_text().splitlines()[-1]
    assert replay(said).left == {"water": 12, "tea": 12}


def test_a_session_that_was_killed_can_be_played_too(desk: Desk) -> None:
    desk.act({"do": "deed", "deed": "scan 1"})
    *lines, end = desk.recorded.splitlines()
    assert "end_ms" in end
    said = recording.read("\n".join(lines), "it")
    (deed,) = said.deeds
    assert (deed.what, deed.args) == ("scan", (1,))
    assert said.end_ms == deed.at_ms + recording.AFTER_MS


# -- a test of it ----------------------------------------------------------------------------


@pytest.fixture
def saved(desk: Desk, tmp_path: Path) -> Path:
    an_hour(desk)
    desk.act({"do": "deed", "deed": "twice 1"})
    desk.session.pass_to(desk.session.now_ms + 5_000)
    path = tmp_path / "it's a session.jsonl"
    path.write_text(desk.recorded)
    return path


def test_the_test_that_is_made_passes_as_it_is_written(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sim", "export", str(saved), "--pytest"]) == 0
    module = tmp_path / "test_it.py"
    module.write_text(capsys.readouterr().out)
    found: dict[str, object] = {}
    exec(compile(module.read_text(), module, "exec"), found)
    found["test_what_was_recorded"]()  # type: ignore[operator]
    assert "sorted(played.violations) == ['S1 warned first'" in module.read_text()
    other = module.read_text().replace('"at_ms": 0,', '"at_ms": 1,').replace("'commanded'", "'x'")
    other = other.replace("'dropped'", "'failed'", 1)
    exec(compile(other, module, "exec"), found)
    with pytest.raises(AssertionError):
        found["test_what_was_recorded"]()  # type: ignore[operator]


def test_apostrophes_and_backslashes_in_a_name(machine: Config) -> None:
    odd = machine.machine.model_copy(update={"name": "it's '''\\n\\ a \" machine"})
    said = Recording(machine.model_copy(update={"machine": odd}), 1, OPENING, (), 1_000)
    found: dict[str, object] = {}
    exec(export.pytest_module(said), found)
    assert recording.read(str(found["RECORDING"]), "it") == said
    assert play(str(found["RECORDING"])).state == "idle"


# -- mistakes --------------------------------------------------------------------------------

HEAD = Recording(Setting("lcus").config(), 1, OPENING).head
BAD_CONFIG = json.dumps(json.loads(HEAD) | {"config": {"machine": {}}})
BAD_SEED = json.dumps(json.loads(HEAD) | {"seed": "one"})
BAD_DATE = json.dumps(json.loads(HEAD) | {"opening": "soon"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"it:1:1: not JSON: expecting value"),
        ("{}", r"it:1: not a recording of this quench; one begins with"),
        ("[1]", r"it:1: not a line of a recording: \[1\]"),
        ('{"quench recording": 2}', r"it:1: not a recording of this quench"),
        (BAD_SEED, r"it:1: seed: 'one' is not a whole number"),
        (BAD_DATE, r"it:1: opening: 'soon' is not a date"),
        (BAD_CONFIG, r"it:1: config\.machine\.name: Field required"),
        (f"{HEAD}\nscan", r"it:2:1: not JSON"),
        (f'{HEAD}\n{{"at_ms": 1}}', r"it:2: not a deed; allowed: such as"),
        (f'{HEAD}\n{{"at_ms": -1, "deed": "scan 1"}}', r"it:2: not a deed"),
        (f'{HEAD}\n{{"at_ms": true, "deed": "scan 1"}}', r"it:2: not a deed"),
        (f'{HEAD}\n{{"at_ms": 1, "deed": "dance"}}', r"it:2: nobody can 'dance'; allowed: bl"),
        (f'{HEAD}\n{{"at_ms": 1, "deed": "scan"}}', r"it:2: .* takes 1: VISITOR"),
        (f'{HEAD}\n{{"at_ms": 1, "deed": "boot; 2 boot"}}', r"it:2: "),
        (
            f'{HEAD}\n{{"at_ms": 9, "deed": "boot"}}\n{{"at_ms": 8, "deed": "boot"}}',
            r"it:3: at_ms: 8 is before the line above it",
        ),
    ],
)
def test_a_file_that_is_no_recording(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        recording.read(text, "it")


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--replay", "/nowhere"], 78, "/nowhere: no such file"),
        (["--replay", str(ROOT / "config.yaml")], 78, "config.yaml:1:1: not JSON"),
        (["--seed-trace", "x"], 2, "--seed-trace: 'x' is neither a seed nor a plan: "),
        (["--seed-trace", "lcus: 0 dance"], 2, "nobody can 'dance'"),
        (["--seed-trace", "1", "--record", "f"], 2, "--record: what is played again brings its"),
        (["--seed-trace", "1", "--seed", "2"], 2, "--seed: what is played again"),
    ],
)
def test_a_command_that_plays_nothing(
    options: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sim", *options]) == code
    assert told in (said := capsys.readouterr().err)
    assert "Traceback" not in said
    assert said.count("\n") == 1


def test_a_recording_that_can_not_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nowhere" / "f.jsonl"
    assert main(["sim", "--config", str(written(tmp_path)), "--record", str(path)]) == 1
    assert capsys.readouterr().err == f"{path}: no such file or directory\n"


def test_a_kept_journal_can_not_be_recorded(
    machine: Config, clock: VirtualClock, tmp_path: Path
) -> None:
    desk = Desk(machine, clock, seed=1, opening=OPENING, journal=tmp_path / "quench.db")
    desk.open()
    with closing(desk), pytest.raises(Refused, match="start without --state-dir"):
        assert desk.recorded


def test_both_record_and_state_dir(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--record", str(tmp_path / "f"), "--state-dir", str(tmp_path)]
    assert main(["sim", "--config", str(written(tmp_path)), *options]) == 2
    assert "--record: " in capsys.readouterr().err
