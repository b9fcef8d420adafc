"""A driver from outside: the package in ``examples`` joins, serves, and keeps the contract."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from drivers.hal import RelaySettings
from sim.rigs import PtyRig
from tests.conftest import ROOT
from tests.processes import free_port, quench, written
from tests.scanner import scan_svg
from tests.test_web import Phone


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of it, installed into its folder ``installed``."""
    folder = tmp_path_factory.mktemp("example") / "quench-conrad"
    shutil.copytree(ROOT / "examples/quench-conrad", folder)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    alone = ["--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, *alone, "--target", folder / "installed", folder], check=True)
    return folder


@pytest.fixture
def beside(package: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """It is installed beside quench, for the programs that a test starts."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(package / "installed"), str(ROOT))))
    return package


@pytest.fixture
def card(
    beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[PtyRig, Path]]:
    """An emulated card at the end of a pty, and a config that names it."""
    monkeypatch.syspath_prepend(beside / "installed")
    monkeypatch.syspath_prepend(beside / "tests")
    driver = import_module("quench_conrad").DRIVER
    board = import_module("conrad_board").ConradBoard(8)
    settings = RelaySettings("conrad", "", range(1, 9))
    with closing(PtyRig(driver, settings, board, tmp_path / "board")) as rig:
        yield rig, config(tmp_path)


def config(folder: Path, driver: str = "conrad") -> Path:
    port = free_port()
    return written(
        folder,
        hardware={"relay": {"driver": driver, "port": str(folder / "board"), "baud": 19_200}},
        web={"port": port},
        machine={"public_url": f"http://127.0.0.1:{port}"},
    )


def test_its_own_tests_pass(beside: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA"],
        cwd=beside,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "PASSED tests/test_conrad.py::TestConrad::test_off_may_be_repeated" in ran.stdout


def test_a_config_may_name_it(beside: Path, tmp_path: Path) -> None:
    with quench("check", "--config", config(tmp_path)) as program:
        assert program.end() == 0
    assert "ok" in program.said
    with quench("check", "--config", config(tmp_path, "conrda")) as program:
        assert program.end() == 78
    assert "did you mean 'conrad'?; allowed: conrad, devantech, " in program.said


def test_it_is_brought_up_by_hand(card: tuple[PtyRig, Path]) -> None:
    rig, path = card
    deeds = {
        ("on", "--channel", "2", "--yes"): ["channel 2: ON, confirmed"],
        ("status",): [f"channel {n}: {'ON' if n == 2 else 'OFF'}" for n in range(1, 9)],
        ("off", "--channel", "2"): ["channel 2: OFF, confirmed"],
    }
    for deed, told in deeds.items():
        with quench("relay", *deed, "--config", path) as program:
            assert program.end() == 0
        assert program.said.splitlines() == told
    assert rig.told_on() == 1
    assert rig.energised() == set()


def test_the_machine_serves_with_it_and_is_back_when_the_card_is(card: tuple[PtyRig, Path]) -> None:
    rig, path = card
    with quench("run", "--config", path) as program:
        url = program.wait_for(r"^quench: ready at (\S+)$").group(1)
        program.wait_for("^quench: in service$")
        with httpx.Client(base_url=url) as http:
            phone = Phone(http, program)
            code = urlsplit(scan_svg(http.get("/qr.svg").text)).path
            phone.follow(phone.tap(code, phone.await_dwell(code)))
        assert rig.told_on() == 1
        assert rig.energised() == set()
        rig.unplug()
        program.wait_for("^quench: out of service: relay_lost: ")
        rig.plug()  # the card, without power, forgot its address
        program.wait_for("^quench: in service$", 2)
        assert program.stop() == 0
    with quench("journal", "--config", path) as program:
        assert program.end() == 0
    assert "relay_confirmed" in program.said


BROKEN = {
    "raise RuntimeError('no such\\nlibrary')": "can't be loaded: RuntimeError: no such library",
    "raise SystemExit": "can't be loaded: SystemExit",
    "import that_is_not_there": "can't be loaded: ModuleNotFoundError: No module named",
    "pass": "can't be loaded: AttributeError: module 'quench_broken' has no attribute 'DRIVER'",
    "DRIVER = 5": "is quench_broken:DRIVER, and that is no drivers.hal.Driver",
}


@pytest.mark.parametrize(("module", "told"), BROKEN.items())
def test_a_broken_one_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, told: str
) -> None:
    (tmp_path / "quench_broken.py").write_text(module, encoding="utf-8")
    about = tmp_path / "quench_broken-1.dist-info"
    about.mkdir()
    about.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: quench-broken\nVersion: 1")
    about.joinpath("entry_points.txt").write_text("[quench.drivers]\nbroken = quench_broken:DRIVER")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), str(ROOT))))
    with quench("check", "--config", config(tmp_path, "broken")) as program:
        assert program.end() == 78
    (line,) = program.said.splitlines()
    assert "hardware.relay.driver: the driver broken of quench-broken " in line
    assert told in line
