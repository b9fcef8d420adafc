"""A pytest plugin for tests of code with a slip in it: whether one fails is all that is asked."""

import pytest
from hypothesis import Phase, settings


def pytest_configure() -> None:
    """The smallest example that fails is not sought."""
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("unshrunk", phases=phases, report_multiple_bugs=False)
    settings.load_profile("unshrunk")


def pytest_collection_finish(session: pytest.Session) -> None:
    """That a hall comes to other places than usual is no fault that it finds."""
    for item in session.items:
        for parameter in getattr(getattr(item, "callspec", None), "params", {}).values():
            if hasattr(parameter, "went_to"):
                parameter.went_to = set()
