"""``pytest --relay-config F``: the contract on a board that answers from outside this program."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.processes import PATIENCE_S, Program, quench, written

pytest_plugins = ["pytester"]

SLOT = {"name": "water", "channel": 3, "capacity": 5, "pulse_ms": 500}


def pytested(*arguments: str | Path, within: Path = ROOT) -> tuple[int, str]:
    """The exit code of a pytest that somebody starts in ``within``, and all that it said."""
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)],
        cwd=within,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return ran.returncode, ran.stdout


def config(folder: Path) -> Path:
    """A machine with one slot, on the third of four relays."""
    relay = {"driver": "waveshare", "port": str(folder / "board"), "channels": 4}
    return written(folder, hardware={"relay": relay}, slots=[SLOT])


@contextmanager
def board(folder: Path, *more: str) -> Iterator[Program]:
    arguments = ("waveshare", "--channels", "4", "--link", folder / "board", *more)
    with quench("board", *arguments, typing=True) as program:
        program.wait_for("board with 4 channels at")
        yield program


def test_the_contract_and_nothing_else_runs_on_the_board_of_a_config(tmp_path: Path) -> None:
    with board(tmp_path) as program:
        code, said = pytested("-vv", "--relay-config", config(tmp_path))
        assert code == 0, said
        assert f"relays 3 at {tmp_path}/board will click. Unplug their motors!" in said
        ran = [line for line in said.splitlines() if line.endswith("%]")]
        assert len(ran) > 10
        assert all("::TestHardware::test_" in line and "PASSED" in line for line in ran)
        program.wait_for("channel 3 ON for 500 ms$")
        program.wait_for("channel 3 OFF, was on for ")
        program.wait_for("channel 4 OFF$")
        for channel in (1, 2, 4):
            assert f"channel {channel} ON" not in program.hear(), "no slot uses it"


def test_a_board_that_breaks_the_contract_fails_wherever_pytest_is_started(tmp_path: Path) -> None:
    with board(tmp_path, "--fault", "stuck-open") as program:
        arguments = ("--pyargs", "drivers.contract", "-k", "that_channel_alone")
        code, said = pytested(*arguments, "--relay-config", config(tmp_path), within=tmp_path)
        assert code == 1, said
        assert "StuckOff" in said
        assert "channel 3 stays OFF after ON" in said
        assert "1 failed" in said
        program.wait_for("channel 3 ON, and stays OFF for 500 ms$")


def test_whatever_a_test_did_the_board_is_told_off_after_it(tmp_path: Path) -> None:
    with board(tmp_path) as program:
        arguments = ("-k", "opening_switches_nothing")  # which leaves a coil ON
        code, said = pytested(*arguments, "--relay-config", config(tmp_path), within=tmp_path)
        assert code == 0, said
        program.wait_for("channel 3 ON$")
        program.type("coils")
        program.wait_for("^quench: ON: none$")


# -- what is wrong before anything clicks ----------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, ["no such file or directory"]),
        ("slots: 2\n", ["machine: key missing", "hardware: key missing", "slots: not a list"]),
    ],
)
def test_a_config_that_cannot_be_used_is_told_in_a_line_each(
    pytester: pytest.Pytester, text: str | None, told: list[str]
) -> None:
    path = pytester.path / "mine.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    ran = pytester.runpytest_inprocess("--relay-config", path)
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    lines = [line.removeprefix("ERROR: ") for line in ran.errlines if line]
    for each in told:
        assert sum(each in line for line in lines) == 1
    assert all(line.startswith(f"{path}:") for line in lines)
    assert ran.outlines == []


def test_a_board_that_is_not_there_is_told_in_a_line(pytester: pytest.Pytester) -> None:
    ran = pytester.runpytest_inprocess("--relay-config", config(pytester.path))
    assert ran.ret == 1
    last = ran.outlines[-1].strip("! ")
    assert last.endswith(f"{pytester.path}/board: no such port; is the board plugged in?")
    assert "Traceback" not in str(ran.stdout)


def test_a_board_is_not_shared_by_workers(pytester: pytest.Pytester) -> None:
    ran = pytester.runpytest_inprocess("-n", "2", "--relay-config", config(pytester.path))
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    assert ran.errlines == ["ERROR: --relay-config: there is one board; leave out -n", ""]


# -- everybody else ----------------------------------------------------------------------------


def test_without_the_option_there_is_nothing(pytester: pytest.Pytester) -> None:
    ran = pytester.runpytest_inprocess("--pyargs", "drivers.contract")
    assert ran.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_pytest_of_others_loads_nothing_for_it() -> None:
    told = "import sys, controller.pytest_plugin; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True
    )
    ours = {
        name for name in ran.stdout.split() if name.startswith(("controller", "drivers", "sim"))
    }
    assert ours == {"controller", "controller.pytest_plugin"}
    assert not {"hypothesis", "pydantic", "serial", "yaml"} & set(ran.stdout.split())
