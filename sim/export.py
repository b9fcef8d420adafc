"""Makes a test of a recording: what came of it once should come of it again."""

import pprint

from sim.recording import Recording
from sim.replay import replay

_MODULE = '''\
"""What somebody did to a simulated machine, and what came of it: {deeds} deeds in {seconds:g} s."""
# ruff: noqa: E501

from sim.replay import play

RECORDING = r\'\'\'
{recording}\'\'\'.lstrip()


def test_what_was_recorded() -> None:
    played = play(RECORDING)
{asserts}'''


def pytest_module(recording: Recording) -> str:
    """A module for pytest that plays ``recording``, and passes as long as the same comes of it."""
    found = replay(recording)
    expected = {
        "state": found.state,
        "reason": found.reason,
        "left": found.left,
        "dispenses": found.dispenses,
        "fell": found.fell,
        "sorted(violations)": sorted(found.violations),
    }
    asserts = "".join(
        f"    assert {_of(name)} == {_said(value)}\n" for name, value in expected.items()
    )
    return _MODULE.format(
        deeds=len(recording.deeds),
        seconds=recording.end_ms / 1_000,
        # Within JSON an apostrophe may be written so, and then no text ends the string.
        recording=str(recording).replace("'", "\\u0027"),
        asserts=asserts.replace("== None", "is None"),
    )


def _of(name: str) -> str:
    return "sorted(played.violations)" if "violations" in name else f"played.{name}"


def _said(value: object) -> str:
    return pprint.pformat(value, width=80).replace("\n", "\n    ")
