"""``pytest --relay-config FILE``: the contract of every driver, on the board of that config.

With the option nothing else runs, wherever pytest is started. Without it this does
nothing at all, since every pytest beside an installed quench loads it.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from drivers.contract.hardware import HardwareRig


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("quench").addoption(
        "--relay-config",
        type=Path,
        metavar="FILE",
        help="click the relays of this config's slots, to test them; unplug their motors first",
    )


def pytest_configure(config: pytest.Config) -> None:
    path: Path | None = config.getoption("relay_config")
    if path is None:
        return
    if config.getoption("numprocesses", None):
        raise pytest.UsageError("--relay-config: there is one board; leave out -n")
    if find_spec("hypothesis") is None:
        raise pytest.UsageError("--relay-config needs hypothesis: pip install 'quench[contract]'")
    rig = _rig(path)
    from drivers.contract import hardware

    config.stash[hardware.BENCH] = rig
    config.pluginmanager.register(_Warning(rig))
    config.args[:] = [hardware.__file__]


def _rig(path: Path) -> "HardwareRig":
    """The board of the config at ``path``, not yet open. Raises UsageError."""
    from controller.clock import MonotonicClock
    from controller.config import load
    from controller.errors import ConfigError
    from drivers import registry
    from drivers.contract.hardware import HardwareRig

    try:
        config = load(path)
    except ConfigError as error:
        raise pytest.UsageError(str(error)) from error
    settings = config.relay_settings()
    used = [slot.channel for slot in config.slots]
    return HardwareRig(registry.load(settings.driver), settings, MonotonicClock(), used)


class _Warning:
    """Before the first click, also where pytest was told to be quiet."""

    def __init__(self, rig: "HardwareRig") -> None:
        channels = ", ".join(map(str, rig.channels))
        where = rig.settings.port or "their pins"
        self._text = f"quench: relays {channels} at {where} will click. Unplug their motors!"

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        terminal = session.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.write_line(self._text)
