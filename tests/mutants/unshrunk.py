"""A pytest plugin for tests of code with a slip in it: whether one fails is all that is asked."""

from typing import Any

import pytest
from hypothesis import Phase, settings


def pytest_configure() -> None:
    """The smallest example that fails is not sought."""
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("unshrunk", phases=phases, report_multiple_bugs=False)
    settings.load_profile("unshrunk")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who hurries asks the crowds last."""
    items.sort(key=lambda item: bool(_crowds(item)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """That a crowd comes to other places than usual is no fault that it finds."""
    for item in session.items:
        for crowd in _crowds(item):
            crowd.went_to = set()


def _crowds(item: pytest.Item) -> list[Any]:
    """The crowds among a test's parameters: they say where they have to come to."""
    parameters = getattr(getattr(item, "callspec", None), "params", {}).values()
    return [parameter for parameter in parameters if hasattr(parameter, "went_to")]
