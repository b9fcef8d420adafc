"""What every driver promises; see :mod:`drivers.hal` for the words."""

from contextlib import closing
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.rig import Rig
from drivers.hal import PortBusy, PortLost, ReadsBack, Relay


def energised(rig: Rig, relay: Relay) -> set[int] | None:
    """The channels that are, by the rig, or else by the board; None if neither can tell."""
    seen = rig.energised()
    if seen is None and relay.capabilities.reads_back:
        board = cast(ReadsBack, relay)
        return {channel for channel in relay.channels if board.read(channel)}
    return seen


def assert_energised(rig: Rig, relay: Relay, *expected: int) -> None:
    """Exactly these channels are, as far as anybody can tell."""
    rig.wait_until(lambda: energised(rig, relay) in (None, {*expected}))
    assert energised(rig, relay) in (None, {*expected})


def confirms(relay: Relay) -> bool:
    """What its ``on`` and ``off`` return."""
    return relay.capabilities.acknowledges or relay.capabilities.reads_back


def tried(rig: Rig, *, one_in: int = 1) -> settings:
    """How often hypothesis tries; ``one_in`` so many where a try may have to wait for silence."""
    most = settings().max_examples if rig.examples is None else rig.examples
    return settings(max_examples=max(1, most // one_in), deadline=None)


class RelayContract:
    """The tests; the class that inherits them has a fixture ``rig``."""

    @pytest.mark.parametrize("device_timed", [True, False])
    def test_it_can_do_what_its_driver_says(self, rig: Rig, device_timed: bool) -> None:
        with closing(rig.begin(device_timed=device_timed)) as relay:
            assert relay.capabilities == rig.driver.can(device_timed)
            assert list(relay.channels) == list(rig.settings.channels)

    def test_opening_switches_nothing(self, rig: Rig) -> None:
        channel = rig.channels[0]
        with closing(rig.begin(device_timed=False)) as relay:
            relay.on(channel, rig.pulse_ms)
            assert_energised(rig, relay, channel)
        with closing(rig.open()) as relay:
            assert_energised(rig, relay, *self._left_by_closing(rig, channel))

    def test_a_beginning_tells_every_channel_off(self, rig: Rig) -> None:
        with closing(rig.begin(device_timed=False)) as relay:
            for channel in rig.channels:
                relay.on(channel, rig.pulse_ms)
            assert_energised(rig, relay, *rig.channels)
        with closing(rig.begin()) as relay:
            assert_energised(rig, relay)

    def test_on_energises_that_channel_alone_and_off_ends_it(self, rig: Rig) -> None:
        with closing(rig.begin()) as relay:
            for channel in rig.channels:
                assert relay.on(channel, rig.pulse_ms) is confirms(relay)
                assert_energised(rig, relay, channel)
                assert relay.off(channel) is confirms(relay)
                assert_energised(rig, relay)

    def test_off_may_be_repeated(self, rig: Rig) -> None:
        channel = rig.channels[-1]
        with closing(rig.begin()) as relay:
            assert relay.off(channel) is confirms(relay)
            relay.on(channel, rig.pulse_ms)
            assert_energised(rig, relay, channel)
            assert [relay.off(channel), relay.off(channel)] == [confirms(relay)] * 2
            assert_energised(rig, relay)

    def test_looking_switches_nothing(self, rig: Rig) -> None:
        with closing(rig.begin(device_timed=False)) as relay:
            self._look(rig, relay)
            relay.on(rig.channels[0], rig.pulse_ms)
            self._look(rig, relay, rig.channels[0])
            relay.off(rig.channels[0])
            self._look(rig, relay)

    def _look(self, rig: Rig, relay: Relay, *expected: int) -> None:
        for channel in relay.channels:
            relay.check()
            if relay.capabilities.reads_back:
                assert cast(ReadsBack, relay).read(channel) is (channel in expected)
        assert_energised(rig, relay, *expected)

    # -- pulses -----------------------------------------------------------------------

    def test_a_pulse_ends_though_the_host_is_gone_if_the_board_times_it(self, rig: Rig) -> None:
        channel = rig.channels[0]
        with closing(rig.begin()) as relay:
            device_timed = relay.capabilities.device_timed
            began_ms = rig.clock.now_ms()
            relay.on(channel, rig.pulse_ms)
            assert_energised(rig, relay, channel)
        left = self._left_by_closing(rig, channel)
        rig.pass_ms(rig.pulse_ms * 3 // 4)
        with closing(rig.open()) as relay:
            seen = energised(rig, relay)
            over = rig.clock.now_ms() - began_ms >= rig.pulse_ms  # this computer was busy
            assert seen in (None, left) or over
        rig.pass_ms(rig.pulse_ms // 2)
        with closing(rig.open()) as relay:
            assert_energised(rig, relay, *(() if device_timed else left))

    def test_without_the_boards_timer_only_off_ends_it(self, rig: Rig) -> None:
        channel = rig.channels[0]
        with closing(rig.begin(device_timed=False)) as relay:
            relay.on(channel, rig.pulse_ms)
            assert_energised(rig, relay, channel)
            rig.pass_ms(rig.pulse_ms * 3 // 2)
            assert_energised(rig, relay, channel)
            relay.off(channel)
            assert_energised(rig, relay)

    def test_the_nearest_pulse_is_one_that_can_be_timed(self, rig: Rig) -> None:
        @tried(rig)
        @given(st.integers(100, 10_000))  # what a config may ask for
        def can_be_timed(pulse_ms: int) -> None:
            nearest_ms = rig.driver.nearest_pulse_ms(pulse_ms)
            assert nearest_ms > 0
            assert rig.driver.nearest_pulse_ms(nearest_ms) == nearest_ms

        can_be_timed()

    # -- the end ------------------------------------------------------------------------

    def test_closing_never_raises_and_ends_every_use(self, rig: Rig) -> None:
        relay = rig.begin()
        relay.close()
        relay.close()
        channel = rig.channels[0]
        for use in (
            relay.check,
            lambda: relay.on(channel, rig.pulse_ms),
            lambda: relay.off(channel),
        ):
            with pytest.raises(PortLost):
                use()
        with closing(rig.open()) as relay:
            assert_energised(rig, relay)

    def test_two_programs_never_have_it_at_once(self, rig: Rig) -> None:
        with closing(rig.begin()) as relay:
            with pytest.raises(PortBusy):
                rig.open()
            relay.check()
        rig.open().close()

    def test_it_opens_again_and_again(self, rig: Rig) -> None:
        channel = rig.channels[-1]
        for _ in range(3):
            with closing(rig.begin()) as relay:
                assert relay.on(channel, rig.pulse_ms) is confirms(relay)
                assert_energised(rig, relay, channel)
                assert relay.off(channel) is confirms(relay)
                assert_energised(rig, relay)

    @staticmethod
    def _left_by_closing(rig: Rig, channel: int) -> set[int]:
        """What is left of ``channel``, which was energised: a pin falls, a board's coil doesn't."""
        return set() if rig.driver.on_pins else {channel}
