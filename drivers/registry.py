"""Finds the module of a dialect: each module in ``drivers.relay`` but ``port`` is one.

A dialect joins by being there. Its module has ``CAPABILITIES``,
``MAX_CHANNELS`` and ``open_relay(settings, clock)``. It is imported when a
config names it, so that nobody pays for boards that they don't have.
"""

import importlib
import pkgutil
from typing import Protocol, cast

import drivers.relay
from drivers.hal import Capabilities, Clock, Relay, RelaySettings


class Driver(Protocol):
    """What a dialect's module offers."""

    CAPABILITIES: Capabilities
    MAX_CHANNELS: int

    def open_relay(self, settings: RelaySettings, clock: Clock) -> Relay:
        """Open the board and tell every channel OFF. Raises RelayError."""


def names() -> list[str]:
    """Every dialect that can be named in a config, sorted."""
    modules = (module.name for module in pkgutil.iter_modules(drivers.relay.__path__))
    return sorted(name.replace("_", "-") for name in modules if name != "port")


def load(name: str) -> Driver:
    """The driver of dialect ``name``, one of :func:`names`. Raises KeyError."""
    if name not in names():
        raise KeyError(name)
    module = importlib.import_module(f"drivers.relay.{name.replace('-', '_')}")
    return cast(Driver, module)
