"""Finds the driver of a dialect: a module in ``drivers.relay``, or one from outside.

A dialect of ours joins by being there, with its ``DRIVER``; one from outside
through the entry-point group ``quench.drivers`` of its package. Either is
imported when a config names it, so that nobody pays for boards that they don't
have. Where both have a name, it is ours.
"""

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

import drivers.relay
from drivers.hal import Driver, HardwareError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "quench.drivers"

_SHARED = {"dialect", "port"}


class BrokenDriver(HardwareError):
    """A driver from outside can't be loaded; the text says whose it is, and why."""


def names() -> list[str]:
    """Every dialect that can be named in a config, sorted."""
    return sorted({*_ours(), *_others()})


def known(name: str) -> bool:
    """Whether ``name`` is one of :func:`names`; asks other packages only if it is not ours."""
    return name in _ours() or name in _others()


def load(name: str) -> Driver:
    """The driver of dialect ``name``. Raises KeyError if it is not known, or BrokenDriver."""
    if name not in _ours():
        return _load_other(name)
    driver: Driver = importlib.import_module(f"drivers.relay.{name.replace('-', '_')}").DRIVER
    return driver


def _load_other(name: str) -> Driver:
    point = _others()[name]
    package = point.dist.name if point.dist else "?"
    try:
        driver = point.load()
    except (Exception, SystemExit) as error:
        # Whatever that package does when it is imported, the person who named it must hear of it.
        why = ": ".join(filter(None, (type(error).__name__, " ".join(str(error).split()))))
        raise BrokenDriver(f"the driver {name} of {package} can't be loaded: {why}") from error
    if not isinstance(driver, Driver):
        raise BrokenDriver(
            f"the driver {name} of {package} is {point.value}, and that is no drivers.hal.Driver"
        )
    return driver


@cache
def _ours() -> frozenset[str]:
    modules = (module.name for module in pkgutil.iter_modules(drivers.relay.__path__))
    return frozenset(name.replace("_", "-") for name in modules if name not in _SHARED)


@cache
def _others() -> "dict[str, EntryPoint]":
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}
