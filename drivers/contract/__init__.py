"""What every driver promises, as tests: run by pytest on ours, on yours, and on real hardware.

An author hands in a :class:`Rig`, and inherits the tests::

    class TestMine(WireContract):
        @pytest.fixture
        def rig(self) -> MemoryRig:
            ...

:class:`RelayContract` needs a board and its driver; :class:`WireContract` also a
hand at the wire between them. ``sim.rigs`` has rigs for emulated boards. With
``pytest --relay-config FILE`` it is the board of that config. It needs pytest and
hypothesis (``pip install 'quench[contract]'``), and nothing that runs imports it.
"""

import pytest

# An assert that fails in here tells as much as one in a test file does.
pytest.register_assert_rewrite("drivers.contract.relay", "drivers.contract.wire")

from drivers.contract.relay import RelayContract  # noqa: E402
from drivers.contract.rig import Rig, WireRig  # noqa: E402
from drivers.contract.wire import WireContract  # noqa: E402

__all__ = ["RelayContract", "Rig", "WireContract", "WireRig"]
