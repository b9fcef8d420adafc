"""Campaigns from seeds: they find nothing, they would find something, and they are repeatable."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.cli import main
from controller.clock import MonotonicClock
from controller.journal import Journal
from controller.machine import Machine
from controller.runner import Runner
from controller.table import State
from drivers import hal
from sim.campaign import campaign, run_seeds
from sim.deeds import BadDeed, read, written
from sim.plan import CANARY, FAULTS, Choice, Plan, Setting, dialects, draw, parse
from sim.run import STEPS, run
from sim.shrink import shrink
from tests.conftest import ROOT

SEEDS = range(1, 12)
CHOICE = Choice()
CLOCK = MonotonicClock()


def test_a_campaign_finds_nothing_and_goes_everywhere() -> None:
    summary = campaign(SEEDS[0], CHOICE, visits=len(SEEDS) * CHOICE.visits, clock=CLOCK)
    assert [result.violation for result in summary.violated] == []
    assert summary.runs == len(SEEDS)
    assert summary.never_fired == []
    # Each class has changed what happened, too.
    assert {fault for fault in FAULTS if not summary.mattered[fault]} <= {"stall", "lost-ack"}
    assert {state for step in summary.steps for state in step[::2]} == set(State)
    assert len(summary.steps) > 0.75 * len(STEPS)
    assert {"commanded", "relay_confirmed", "dropped", "failed", "unknown"} < set(summary.outcomes)


def test_every_tenth_seed_is_the_same_in_another_process_with_other_hashes() -> None:
    seeds = SEEDS[::10]
    ours = [result.hash for result in run_seeds(seeds, CHOICE)]
    script = (
        "import sys; from sim.campaign import run_seeds; from sim.plan import Choice;"
        "print(*(r.hash for r in run_seeds(map(int, sys.argv[1:]), Choice())))"
    )
    for hash_seed in ("1", "2"):
        ran = subprocess.run(
            [sys.executable, "-c", script, *map(str, seeds)],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout.split() == ours
    assert len(set(ours)) == len(seeds)


def test_two_workers_come_to_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for workers in ("1", "2"):
        main(["fuzz", "--visits", "400", "--seed", "5", "--workers", workers, "--json"])
        summary = json.loads(capsys.readouterr().out)
        assert summary.pop("visits_per_s") > 0
        said.append(summary)
    assert said[0] == said[1]
    assert set(said[0]) >= {"visits", "virtual_s", "faults", "violations", "trace_hash"}


# -- it bites ----------------------------------------------------------------------------------


def test_the_canary_is_found_thinned_out_and_found_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["fuzz", "--visits", "400", "--faults", CANARY, "--seed", "3"]) == 1
    said = capsys.readouterr().out
    assert "VIOLATED  S" in said
    command = shlex.split(re.search(r"in short, [23] of \d+ deeds: quench (.*)", said)[1])
    (hashed,) = set(re.findall("^trace hash (\\w+)$", said, re.MULTILINE)[1:])
    for _ in range(2):
        assert main(command) == 1
        again = capsys.readouterr().out
        assert f"trace hash {hashed}" in again
        assert again.rstrip().splitlines()[-1] in said


def no_dwell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Machine, "dwell_passed", lambda self, event: True)


def act_before_intent(monkeypatch: pytest.MonkeyPatch) -> None:
    intend = Journal.intend
    late: list[object] = []
    monkeypatch.setattr(Journal, "intend", lambda *args, **named: late.append((args, named)))
    settle = Journal.settle

    def settled(self: Journal, *args: object) -> None:
        for said, named in late:  # type: ignore[misc]
            intend(*said, **named)
        late.clear()
        settle(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Journal, "settle", settled)


def no_off_at_opening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hal, "all_off", lambda relay: None)


def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Journal._migrate

    def migrate(self: Journal, *args: object) -> None:
        said(self, *args)  # type: ignore[arg-type]
        self._db.execute("PRAGMA synchronous = OFF")

    monkeypatch.setattr(Journal, "_migrate", migrate)


def open_intents_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def recover(self: Journal) -> int:
        with self._transaction():
            return self._db.execute(
                "UPDATE dispense SET outcome = 'failed' WHERE outcome = 'open'"
            ).rowcount

    monkeypatch.setattr(Journal, "recover", recover)


def stays_out(monkeypatch: pytest.MonkeyPatch) -> None:
    look = Runner._look_after_relay

    def looked(self: Runner, now_ms: int) -> object:
        if self.machine.memory.relay_fault:
            self._relay_round.again(now_ms)
            return None
        return look(self, now_ms)

    monkeypatch.setattr(Runner, "_look_after_relay", looked)


def tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes the token into its log."""
    from controller.runner import log

    status = Runner._status

    def told(self: Runner) -> object:
        log.info("the code is %s", self._token)
        return status(self)

    monkeypatch.setattr(Runner, "_status", told)


BROKEN = {
    no_dwell: "S1",
    unsynced: "S2 S4 S5",  # whatever shows first that an intent is lost
    no_off_at_opening: "S3",
    act_before_intent: "S1 S4",
    open_intents_failed: "S5",
    stays_out: "S7",
    tells: "S6",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_controller_is_found(
    broken: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    choice = replace(CHOICE, visits=100)
    (result,) = campaign(1, choice, visits=60 * choice.visits, clock=CLOCK).violated
    assert result.broke[:2] in BROKEN[broken].split()
    smallest = shrink(result, most_runs=60)
    assert smallest.broke == result.broke
    assert len(smallest.plan.deeds) < len(result.plan.deeds) / 2
    assert run(parse(str(smallest.plan))).hash == smallest.hash


def test_a_fault_that_never_fired_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fuzz", "--visits", "1", "--faults", "welded,flood"]) == 1
    assert "never fired: welded, flood; more --visits, or fewer --faults" in capsys.readouterr().out
    assert main(["fuzz", "--visits", "20", "--faults", "none"]) == 0


def test_nothing_need_come_back_while_the_computer_does_not_come_to_it() -> None:
    """A deadline that falls into a stall is late, and nobody's fault; found by seed 500606."""
    plan = parse("lcus: 0 boot; 1000 scan 1; 1050 show 1; 59500 stall 3500")
    assert run(plan).violation == ""


# -- plans ---------------------------------------------------------------------------------------


@given(st.integers(0, 10**6))
@settings(max_examples=30)
def test_a_plan_that_is_written_out_is_the_same(seed: int) -> None:
    plan = draw(seed, replace(CHOICE, visits=20))
    assert parse(str(plan)) == plan
    assert read(written(plan.deeds)) == list(plan.deeds)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "a plan begins with its dialect"),
        ("morse seed=1: 0 boot", "a plan begins with its dialect"),
        ("lcus speed=1: 0 boot", "speed: no such setting; allowed: another-slot, seed, "),
        ("lcus seed=x: 0 boot", "seed=x: not a number"),
        ("lcus: boot", "'boot' does not begin with its time in milliseconds"),
        ("lcus: 0 dance", "nobody can 'dance'; allowed: blackout, boot, "),
        ("lcus: 0 scan", "'0 scan' has 0 words more; scan takes 1: VISITOR"),
        ("lcus: 0 throw mud", "no fault is called 'mud'"),
        ("lcus: 0 load beer 3", "'0 load beer 3': SLOT is one of water, tea"),
        ("lcus: 0 scan one", "'0 scan one': VISITOR is a number"),
    ],
)
def test_a_plan_that_makes_no_sense_is_told(
    text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", "--plan", text]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fuzz", "--faults", "mud"], "no fault is called mud; allowed: all, none, blind, "),
        (["fuzz", "--dialect", "morse"], "nobody speaks 'morse'; allowed: all, devantech, "),
        (["replay"], "name one: a SEED, or --plan TEXT"),
        (["replay", "1", "--plan", "lcus: 0 boot"], "name one: a SEED, or --plan TEXT"),
        (["replay", "1", "--shrunk", "--visits", "5", "--faults", "none"], "nothing is violated"),
    ],
)
def test_what_cannot_be_done_is_told_and_is_no_violation(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("bad", [["--visits", "0"], ["--workers", "x"], ["--minutes", "-1"]])
def test_numbers_are_checked(bad: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["fuzz", *bad])
    assert ended.value.code == 2


def test_a_replay_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "run.html"
    replay = ["replay", "1", "--visits", "20"]
    assert main([*replay, "--html", str(page), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["trace_hash"] in page.read_text(encoding="utf-8")
    assert main([*replay, "--html", str(tmp_path / "no" / "run.html")]) == 1
    assert "run.html: no such file or directory" in capsys.readouterr().err


def test_a_replay_leaves_its_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "1", "--visits", "20", "--save", str(tmp_path)]) == 0
    assert "no violation" in capsys.readouterr().out
    journal = Journal(tmp_path / "quench.db")
    assert journal.entries(1)
    journal.close()


@pytest.mark.parametrize("dialect", dialects(with_pins=True))
def test_each_dialect_has_its_own_campaign(dialect: str) -> None:
    choice = Choice(dialects=(dialect,), visits=60)
    summary = campaign(7, choice, visits=60, clock=CLOCK)
    assert [result.violation for result in summary.violated] == []
    assert summary.outcomes["open"] > 2


def test_every_fault_can_matter_somewhere() -> None:
    everywhere = [Setting(name, sensor) for name in dialects() for sensor in ("none", "cts")]
    assert {f for f in FAULTS if any(each.can_matter(f) for each in everywhere)} == set(FAULTS)


def test_bad_deeds_are_no_plans() -> None:
    with pytest.raises(BadDeed):
        read("0 scan 1; 5")
    assert isinstance(draw(1, CHOICE), Plan)
