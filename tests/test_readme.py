"""The README tells the truth: its commands, its diagram, its links."""

import os
import re
import shlex
import subprocess
from itertools import takewhile
from pathlib import Path

import pytest

from controller.cli import main
from docs.diagram import mermaid
from tests.conftest import ROOT
from tests.processes import quench, written
from tests.test_web import simulated

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_state_diagram_is_that_of_the_table() -> None:
    assert f"```mermaid\n{mermaid()}\n```" in README


def test_every_link_leads_somewhere() -> None:
    documents = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
    assert len(documents) > 5
    for document in documents:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document}: {target}"


@pytest.mark.parametrize("target", re.findall(r"^    make ([\w-]+)", README, re.MULTILINE))
def test_every_make_target_is_there(target: str) -> None:
    plan = _plan(target)
    assert plan.returncode == 0, plan.stderr


def test_make_run_starts_the_simulator_with_the_config_that_is_there() -> None:
    plan = _plan("run")
    assert plan.returncode == 0, plan.stderr
    assert plan.stdout.splitlines()[-1].endswith("bin/quench sim")


def _plan(target: str) -> subprocess.CompletedProcess[str]:
    """What make would do for somebody who types it, though these tests may run under make."""
    of_make = {"MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"}
    return subprocess.run(
        ["make", "--dry-run", target],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in of_make},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("usage", re.findall(r"^\| `quench ([^`]+)` \|", README, re.MULTILINE))
def test_every_command_is_there_with_its_options(
    usage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = takewhile(lambda word: word.isalpha() and word.islower(), usage.split())
    with pytest.raises(SystemExit) as ended:
        main([*commands, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for word in re.findall(r"--[a-z-]+|\b(?:load|reconcile)\b", usage):
        assert word in told


def test_what_to_try_first(tmp_path: Path) -> None:
    """Each ``quench`` command that the text shows, as it is shown, on a machine of the tests."""
    shown = re.findall(r"`(?:\.venv/bin/)?(quench (?:sim|stock|journal|check|board)[^`]*)`", README)
    shown = [line for line in shown if "[" not in line]
    assert {line.split()[1] for line in shown} == {"sim", "stock", "journal", "check", "board"}
    config = written(tmp_path)
    with quench("sim", "--config", config, "--state-dir", tmp_path) as sim:
        sim.wait_for("^quench: ready at")
        for line in shown:
            words = shlex.split(line)[1:]
            if words[0] in ("sim", "board") or "reconcile" in words:
                continue  # the first runs; the others have tests of their own
            if "--state-dir" in words:
                words[words.index("--state-dir") + 1] = str(tmp_path)
            elif words[0] != "check":
                words[1:1] = ["--state-dir", str(tmp_path)]
            words[1:1] = ["--config", str(config)]
            with quench(*words) as program:
                assert program.end() == 0, f"{line}: {program.said}"


def test_the_first_drink_is_the_frames_that_the_text_names(tmp_path: Path) -> None:
    on, off = re.findall(r"`(A0 \d\d \d\d A\d)`", README)
    with simulated(tmp_path) as phone:
        path = phone.code()
        phone.follow(phone.tap(path, phone.await_dwell(path)))
        phone.program.wait_for(rf"-> board  {on}.*\n(.*\n)*?.*-> board  {off}")


def test_the_exit_codes(tmp_path: Path) -> None:
    broken = tmp_path / "config.yaml"
    broken.write_text("machine: 1\n", encoding="utf-8")
    expected = {"check": 78, "nonsense": 2}
    for command, code in expected.items():
        with quench(command, "--config", broken) as program:
            assert program.end() == code, program.said
