"""Scenarios: those that come with quench, what a file of them may say, and how they fail."""

import re
import typing
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from controller import runner
from controller.cli import main
from controller.door import Word
from controller.errors import ConfigError
from controller.events import Outcome
from controller.journal import FOUND, Journal
from controller.machine import Machine, Reason
from controller.table import State
from drivers import hal
from sim import scenario
from sim.deeds import SLOTS
from sim.scenario import ExpectSection, Script, Step
from sim.stage import End, play
from tests.conftest import ROOT

SHIPPED = scenario.names()


def script(folder: Path, steps: str, head: str = "name: x\nteaches: y\n") -> Script:
    """``steps`` as a scenario, a line each."""
    path = folder / "mine.yaml"
    lines = "".join(f"  - {line}\n" for line in steps.splitlines())
    path.write_text(f"{head}steps:\n{lines}", encoding="utf-8")
    return Script(path)


# -- those that come with quench -----------------------------------------------------------


@pytest.mark.parametrize("name", SHIPPED)
def test_a_scenario_that_comes_with_quench_passes(name: str) -> None:
    played = play(Script(scenario.find(name)))
    assert played.end is End.PASSED, "\n".join(played.told)


def test_there_is_one_for_each_lesson() -> None:
    lessons = [Script(scenario.find(name)).scenario.teaches for name in SHIPPED]
    assert len(set(lessons)) == len(lessons) >= 12


def no_dwell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Machine, "dwell_passed", lambda self, event: True)


def no_off_at_opening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hal, "all_off", lambda relay: None)


def no_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Journal, "recover", lambda self: 0)


def never_sold_out(monkeypatch: pytest.MonkeyPatch) -> None:
    reason = Machine.reason

    def said(self: Machine) -> tuple[Reason, str] | None:
        told = reason(self)
        return None if told and told[0] is Reason.SOLD_OUT else told

    monkeypatch.setattr(Machine, "reason", said)


def no_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    def attached(self: runner.Runner, now_ms: int) -> None:
        self._sensor_round.again(now_ms)

    monkeypatch.setattr(runner.Runner, "_look_after_sensor", attached)


@pytest.mark.parametrize(
    ("broken", "name"),
    [
        (no_dwell, "02-too-early"),
        (never_sold_out, "07-sold-out"),
        (no_off_at_opening, "08-cable-out-during-a-pulse"),
        (no_recovery, "09-power-cut-after-the-intent"),
        (no_off_at_opening, "15-killed"),
        (no_rounds, "12-blocked-beam"),
    ],
)
def test_it_does_not_pass_on_a_machine_that_has_not_learned_it(
    broken: Callable[[pytest.MonkeyPatch], None], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    assert play(Script(scenario.find(name))).end is not End.PASSED


# -- the tutorial --------------------------------------------------------------------------


TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


def test_the_tutorial_leads_through_all_of_them_in_order() -> None:
    linked = re.findall(r"\]\(\.\./sim/scenarios/([\w-]+)\.yaml\)", TUTORIAL)
    assert linked == SHIPPED


def test_its_own_scenario_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", TUTORIAL, re.DOTALL)
    (told,) = re.findall(r"```\n(missed .*?)```", TUTORIAL, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    mine = Path("mine.yaml")
    mine.write_text(text, encoding="utf-8")
    assert main(["sim", "run", "mine.yaml"]) == 0
    capsys.readouterr()
    mine.write_text(text.replace("fallen: 1", "fallen: 2"), encoding="utf-8")
    assert main(["sim", "run", "mine.yaml"]) == 1
    assert capsys.readouterr().out.startswith(told)


def test_it_names_every_step_and_all_that_can_be_expected() -> None:
    keys = {*Step.model_fields, *ExpectSection.model_fields, *scenario.Scenario.model_fields}
    cells = re.findall(r"^\| (`.*?) \|", TUTORIAL, re.MULTILINE)
    assert keys <= set(re.findall(r"\w+", " ".join(cells)))


# -- the file ------------------------------------------------------------------------------


def words(section: type, key: str) -> set[object]:
    """Which words a key of it allows."""
    allowed, _ = typing.get_args(section.model_fields[key].annotation)  # type: ignore[attr-defined]
    return set(typing.get_args(allowed))


def test_its_words_are_those_of_the_machine() -> None:
    assert words(ExpectSection, "state") == {"down", *(each.value for each in State)}
    assert words(ExpectSection, "reason") == {each.value for each in Reason}
    assert words(ExpectSection, "page") == {each.value for each in Word}
    assert words(ExpectSection, "outcome") == {"open", *(each.value for each in Outcome)}
    assert words(Step, "reconcile") == set(FOUND)
    assert set(scenario.StockSection.model_fields) == set(SLOTS)
    assert set(typing.get_args(scenario.LoadSection.model_fields["slot"].annotation)) == set(SLOTS)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ("scan: x", "4:11: steps[0].scan: 'x' is not a whole number; allowed: digits,"),
        ("scan: 0", "4:11: steps[0].scan: 0 is out of bounds; allowed: 1 to 1000"),
        ("scam: 1", "4:5: steps[0].scam: unknown key, did you mean 'scan'?; allowed: scan,"),
        ("{scan: 1, wait: 1 s}", "4:5: steps[0]: has 2 keys; allowed: one in each step,"),
        ("scan:", "4:5: steps[0]: says nothing; allowed: what it is about"),
        ("wait: 2", "4:11: steps[0].wait: 2 is not a span of time; allowed: such as 250 ms, 2.5 s"),
        ("wait: 0 s", "4:11: steps[0].wait: '0 s' is out of bounds; allowed: 1 ms to 168 h"),
        ("wait_for: {state: idle}", "4:15: steps[0].wait_for.within: key missing: within"),
        ("expect: {state: idel}", "4:21: steps[0].expect.state: 'idel' is not known; allowed: "),
        ("fault: unplugg", "4:12: steps[0].fault: no fault is called 'unplugg'"),
        ("mend: all", "4:11: steps[0].mend: no fault is called 'all'"),
        ("power: off", "4:12: steps[0].power: False is not known; allowed: 'cut', 'cut_at_on' or"),
        ("load: {slot: coffee}", "4:18: steps[0].load.slot: 'coffee' is not known; allowed: 'wat"),
        ("forward: 1", "4:14: steps[0].forward: should be a section; allowed: visitor, other"),
        ("scan: 1\n{wait: 1 s, wait: 2 s}", "5:17: steps[1].wait: stands in line 5 already"),
    ],
)
def test_a_slip_is_told_where_it_stands(steps: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        script(tmp_path, steps)
    assert str(error.value).startswith(f"{tmp_path}/mine.yaml:{told}")


def test_every_slip_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        script(tmp_path, "scan: x\nwait: 1 s\ntap: 0", head="name: x\nmachine: {driver: lcux}\n")
    keys = [line.split(": ")[1] for line in str(error.value).splitlines()]
    assert keys == ["teaches", "machine.driver", "steps[0].scan", "steps[2].tap"]


def test_an_empty_file_and_none_at_all(tmp_path: Path) -> None:
    empty = tmp_path / "empty.yaml"
    empty.touch()
    with pytest.raises(ConfigError, match=r"empty\.yaml:1:1: the file is empty; "):
        Script(empty)
    with pytest.raises(ConfigError, match="did you mean '01-first-drink'"):
        scenario.find("first-drink")
    with pytest.raises(ConfigError, match="no such file or directory"):
        Script(tmp_path / "none.yaml")


# -- how they fail -------------------------------------------------------------------------


MISSED = """scan: 1
expect: {state: idle, stock: {tea: 3}, energised: [1], frame: channel 1 ON}"""
RAN_OUT = """scan: 1
wait_for: {state: dispensing, within: 3 s}"""


def test_what_is_not_as_expected_is_told_with_what_is(tmp_path: Path) -> None:
    played = play(script(tmp_path, MISSED))
    assert played.end is End.MISSED
    place, *unlike = played.told
    assert place == f"{tmp_path}/mine.yaml:5: expect"
    told = [re.sub(r"\s+", " ", line) for line in unlike]
    assert told == [
        "state expected idle but it is scanned",
        "energised expected 1 but it is none",
        "stock of tea expected 3 but it is 12",
        "frame expected channel 1 ON but it is silence on the wire",
    ]


def test_a_frame_that_should_not_have_been(tmp_path: Path) -> None:
    steps = "scan: 1\nwait: 2 s\ntap: 1\nexpect: {no_frame: A0 01 01 A2}"
    played = play(script(tmp_path, steps))
    assert "A0 01 01 A2 (channel 1 ON)" in played.told[1]


def test_a_wait_that_ran_out(tmp_path: Path) -> None:
    played = play(script(tmp_path, RAN_OUT))
    assert (played.end, played.virtual_ms) == (End.RAN_OUT, 4_100)
    assert played.told[1] == "waited 3 s, until 0:00:04.100, and still:"


def test_a_long_wait_is_no_long_wait(tmp_path: Path) -> None:
    steps = "fault: unplug\nwait_for: {state: dispensing, within: 10 h}"
    played = play(script(tmp_path, steps))
    assert (played.end, played.virtual_ms) == (End.RAN_OUT, 36_001_100)


def test_a_violation_is_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_dwell(monkeypatch)
    played = play(script(tmp_path, "scan: 1\ntap: 1"))
    assert played.end is End.MISSED
    assert played.violation.startswith("S1 warned first")


def test_a_fault_that_this_board_cannot_have(tmp_path: Path) -> None:
    played = play(script(tmp_path, "fault: stranger"))
    assert played.told[1] == "stranger: this board has no bus address"


@pytest.mark.parametrize(
    ("steps", "code", "told"),
    [("scan: 1", 0, "1 passed"), (MISSED, 1, "1 missed"), (RAN_OUT, 42, "1 ran out")],
)
def test_the_command(
    steps: str, code: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, junit = script(tmp_path, steps).path, tmp_path / "junit.xml"
    assert main(["sim", "run", str(mine), "--junit", str(junit)]) == code
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == told
    suite = ElementTree.parse(junit).getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("1", str(int(code != 0)))
    assert [case.get("name") for case in suite] == ["mine"]
    for failure in suite.iter("failure"):
        assert failure.text is not None
        assert failure.text.splitlines()[0] in said


def test_worse_than_a_wait_that_ran_out(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    files = [str(script(one, RAN_OUT).path), str(script(two, MISSED).path)]
    assert main(["sim", "run", *files]) == 1


def test_nothing_is_played_if_one_file_has_slips(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError):
        script(tmp_path, "scan: x")
    assert main(["sim", "run", "01-first-drink", str(tmp_path / "mine.yaml")]) == 78
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1


def test_a_report_that_can_not_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sim", "run", "01-first-drink", "--junit", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{tmp_path}: is a directory\n"


def test_the_list_names_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "run", "--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == SHIPPED


def test_the_same_twice() -> None:
    first, second = (play(Script(scenario.find("09-power-cut-after-the-intent"))) for _ in "12")
    assert first.trace == second.trace
