"""Settings that all tests share."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from gpiozero.pins.mock import MockFactory
from hypothesis import HealthCheck, settings

from controller.config import Config, load
from drivers import pins
from sim.world import World

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""A folder for files that need not outlive the power, or None for the usual one."""

_QUIET = [HealthCheck.too_slow]
# ci: the same examples each time, so that a red build is red again on a laptop.
settings.register_profile(
    "ci", max_examples=200, derandomize=True, deadline=None, suppress_health_check=_QUIET
)
settings.register_profile("deep", max_examples=2_000, deadline=None, suppress_health_check=_QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def config() -> Config:
    """The config.yaml of the repository."""
    return load(ROOT / "config.yaml")


@pytest.fixture
def energised(tmp_path: Path, config: Config) -> Iterator[World]:
    """A world whose first visitor has just tapped: the relay of channel 1 is ON."""
    world = World(config)
    world.boot()
    world.wait(1_000)
    token, page = world.token, world.fetch(world.token)
    world.wait(page.wait_ms)
    world.tap(token, page.mark)
    assert world.board.coils == [True, False]
    yield world
    world.close()


@pytest.fixture
def header() -> Iterator[MockFactory]:
    """The pins that drivers get: gpiozero's mock."""
    factory = MockFactory()
    pins.simulate(factory)
    yield factory
    pins.simulate(None)


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Debian's chromium."""
    from playwright.sync_api import sync_playwright  # only those who look at pages wait for it

    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    path = next((path for name in names if name and (path := shutil.which(name))), None)
    assert path, "no chromium: .ci/browser installs it"
    quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=quiet)
        yield browser
        browser.close()
