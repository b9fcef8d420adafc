"""Finds the driver of a dialect: each module in ``drivers.relay`` is one, but for what they share.

A dialect joins by being there, with its ``DRIVER``. It is imported when a config
names it, so that nobody pays for boards that they don't have.
"""

import importlib
import pkgutil
from typing import cast

import drivers.relay
from drivers.hal import Driver

_SHARED = {"dialect", "port"}


def names() -> list[str]:
    """Every dialect that can be named in a config, sorted."""
    modules = (module.name for module in pkgutil.iter_modules(drivers.relay.__path__))
    return sorted(name.replace("_", "-") for name in modules if name not in _SHARED)


def load(name: str) -> Driver:
    """The driver of dialect ``name``, one of :func:`names`. Raises KeyError."""
    if name not in names():
        raise KeyError(name)
    module = importlib.import_module(f"drivers.relay.{name.replace('-', '_')}")
    return cast(Driver, module.DRIVER)
