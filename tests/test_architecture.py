"""The rules of the house: who may import whom, and who may know what time it is."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.processes import quench, written

# Who is handed the time doesn't ask for it.
CLOCKS = {"controller/clock.py"}
# A date for people to read; nothing is decided by it.
DATES = {"controller/journal.py"}


def test_imports_point_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "0 broken" in ran.stdout


def sources(*folders: str) -> list[str]:
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(str(path.relative_to(ROOT)) for path in paths)


def asks_for_time(source: str) -> list[str]:
    """The places in ``source`` that read a clock or sleep."""
    asked = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            called = f"{node.value.id}.{node.attr}"
            if node.value.id == "time" or called in ("datetime.now", "datetime.utcnow"):
                asked.append(called)
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            asked.append("from time import")
    return asked


@pytest.mark.parametrize("path", sources("controller", "drivers", "sim"))
def test_time_is_an_argument(path: str) -> None:
    asked = asks_for_time((ROOT / path).read_text(encoding="utf-8"))
    if path in CLOCKS:
        assert set(asked) == {"time.monotonic_ns", "time.sleep"}
    elif path in DATES:
        assert asked == ["datetime.now"]
    else:
        assert asked == []


def test_the_search_for_clocks_finds_them() -> None:
    assert asks_for_time("import time\nx = time.time()") == ["time.time"]
    assert asks_for_time("from time import sleep") == ["from time import"]
    assert asks_for_time("x = datetime.now(UTC)") == ["datetime.now"]


def test_no_test_sleeps() -> None:
    for path in sources("tests"):
        asked = asks_for_time((ROOT / path).read_text(encoding="utf-8"))
        assert "time.sleep" not in asked, path


NOT_OURS = [
    *("gpiozero", "lgpio", "drivers.pins", "drivers.sensor", "drivers.modbus", "drivers.contract"),
    *("drivers.bringup", "drivers.relay.waveshare", "sim", "pytest"),
    *("serial.tools", "controller.by_hand"),
]


def test_nobody_pays_for_hardware_that_is_not_there(tmp_path: Path) -> None:
    """What ``quench run`` with an LCUS board and no sensor has imported when it ends."""
    log = tmp_path / "imports"
    command = f"""if True:
        import atexit, pathlib, sys
        log = pathlib.Path({str(log)!r})
        atexit.register(lambda: log.write_text(" ".join(sys.modules)))
        from controller.cli import main
        sys.exit(main(sys.argv[1:]))"""
    path = written(tmp_path)
    with quench("board", "lcus", "--link", tmp_path / "board") as board:
        board.wait_for("^quench: lcus board")
        run = [sys.executable, "-c", command, "run", "--config", str(path)]
        with subprocess.Popen(run, cwd=ROOT, stdout=subprocess.PIPE, text=True) as controller:
            assert controller.stdout is not None
            assert "quench: ready" in controller.stdout.readline()
            board.wait_for("channel 2 OFF")
            controller.terminate()
    imported = set(log.read_text(encoding="utf-8").split())
    assert {"drivers.relay.lcus", "drivers.sensors", "serial", "controller.drops"} <= imported
    ours = {name for name in imported for other in NOT_OURS if f"{name}.".startswith(f"{other}.")}
    assert ours == set()


def test_a_wall_clock_that_jumps_changes_nothing(tmp_path: Path, config: object) -> None:
    """The only dates are those that the journal notes down; let them jump ten years each way."""
    from datetime import timedelta

    from controller.config import Config
    from controller.journal import Journal
    from controller.table import State
    from sim.world import World

    assert isinstance(config, Config)
    world = World(config)
    world.boot()
    for drinks, years in ((1, 10), (2, -10), (3, 0)):
        world.clock_is_off = timedelta(days=365 * years)
        world.wait(1_000)
        page = world.fetch(world.token)
        token = world.token
        world.wait(page.wait_ms)
        world.tap(token, page.mark)
        world.wait(1_000)
        assert world.state is State.IDLE
        assert [entry.id for entry in world.entries()] == list(range(1, drinks + 1))
    assert [entry.begun_at[:4] for entry in world.entries()] == ["2029", "2009", "2019"]
    world.disk.save(tmp_path)
    world.close()
    journal = Journal(tmp_path / "quench.db")
    assert [book.dispensed for book in journal.books()] in ([1, 2], [2, 1])
    journal.close()
