"""What a driver promises that talks over a wire, whatever becomes of the bytes."""

from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from itertools import count, cycle, pairwise
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.contract.relay import RelayContract, assert_energised, confirms, tried
from drivers.contract.rig import WireRig
from drivers.hal import (
    BadAnswer,
    NoAnswer,
    PortLost,
    PortMissing,
    ReadsBack,
    Relay,
    RelayError,
    StuckOff,
    StuckOn,
    WriteTimedOut,
    WrongChannel,
)


def lost(answer: bytes) -> bytes:
    return b""


def half(answer: bytes) -> bytes:
    return answer[: len(answer) // 2]


def garbled(answer: bytes) -> bytes:
    return bytes(byte ^ 0x15 for byte in answer)


def flipped(answer: bytes, bit: int) -> bytes:
    at, of_byte = divmod(bit, 8)
    return answer[:at] + bytes((answer[at] ^ 1 << of_byte,)) + answer[at + 1 :]


def raises(error: type[RelayError], *, if_: bool) -> AbstractContextManager[object]:
    """In here ``error`` is raised, or else nothing."""
    return pytest.raises(error) if if_ else nullcontext()


def spoiled_is_told(rig: WireRig, relay: Relay) -> AbstractContextManager[object]:
    """In here the board's answers are spoiled."""
    if not confirms(relay):
        return nullcontext()  # nobody waits for any
    if not rig.noise:
        return suppress(RelayError)  # without a check, it may as well be an answer
    return pytest.raises((BadAnswer, NoAnswer))


class WireContract(RelayContract):
    """The tests; the class that inherits them has a fixture ``rig``, with a hand at the wire."""

    # -- answers -----------------------------------------------------------------------

    def test_answers_are_understood_in_any_pieces_and_amid_noise(self, rig: WireRig) -> None:
        channel = rig.channels[0]
        noise = st.lists(st.sampled_from(rig.noise), max_size=6).map(bytes)
        around = noise if rig.noise else st.just(b"")
        with closing(rig.begin()) as relay:

            @tried(rig)
            @example([65_536], b"", b"")
            @example([1], b"", b"")
            @given(st.lists(st.integers(1, 9), min_size=1, max_size=6), around, around)
            def understood(pieces: list[int], before: bytes, after: bytes) -> None:
                rig.shape(lambda answer: before + answer + after, cycle(pieces))
                rig.say(after)  # a board that never answers may babble all the same
                assert relay.on(channel, rig.pulse_ms) is confirms(relay)
                assert_energised(rig, relay, channel)
                assert relay.off(channel) is confirms(relay)
                assert_energised(rig, relay)

            understood()

    def test_a_missing_answer_is_told_and_nothing_is_sent_twice(self, rig: WireRig) -> None:
        channel, earlier = rig.channels[0], b""

        def noted(answer: bytes) -> bytes:
            nonlocal earlier
            earlier += answer
            return answer

        with closing(rig.begin()) as relay:
            rig.shape(noted)
            relay.on(channel, rig.pulse_ms)
            rig.shape()
            relay.off(channel)
            assert_energised(rig, relay)
            rig.shape(lost)
            rig.say(earlier)  # an answer to that is none to this
            with raises(NoAnswer, if_=confirms(relay)):
                relay.on(channel, rig.pulse_ms)
            assert_energised(rig, relay, channel)
            with raises(NoAnswer, if_=confirms(relay)):
                relay.off(channel)
            assert_energised(rig, relay)
            with raises(NoAnswer, if_=relay.capabilities.reads_back):
                relay.check()
            rig.shape()
            assert relay.off(channel) is confirms(relay)
            assert rig.told_on() == 2

    @pytest.mark.parametrize("spoiled", [half, garbled])
    def test_a_spoiled_answer_is_told_and_nothing_is_sent_twice(
        self, rig: WireRig, spoiled: Callable[[bytes], bytes]
    ) -> None:
        channel = rig.channels[0]
        with closing(rig.begin()) as relay:
            rig.shape(spoiled)
            with spoiled_is_told(rig, relay):
                relay.on(channel, rig.pulse_ms)
            assert_energised(rig, relay, channel)
            with spoiled_is_told(rig, relay):
                relay.off(channel)
            assert_energised(rig, relay)
            assert rig.told_on() == 1

    @pytest.mark.parametrize("on", [True, False])
    def test_one_wrong_bit_is_noticed(self, rig: WireRig, on: bool) -> None:
        channel, sizes = rig.channels[0], [0]

        def measured(answer: bytes) -> bytes:
            sizes.append(len(answer))
            return answer

        with closing(rig.begin(device_timed=False)) as relay:
            if on:
                relay.on(channel, rig.pulse_ms)
            if relay.capabilities.reads_back:  # elsewhere no answer tells of a coil
                board = cast(ReadsBack, relay)
                rig.shape(measured)
                assert board.read(channel) is on

                @tried(rig, one_in=4)
                @given(st.integers(0, 8 * sizes[-1] - 1))
                def is_noticed(bit: int) -> None:
                    rig.shape(lambda answer: flipped(answer, bit))
                    with suppress(RelayError):
                        assert board.read(channel) is on or not rig.checked

                is_noticed()

    def test_whatever_comes_back_an_on_is_sent_once(self, rig: WireRig) -> None:
        channel = rig.channels[0]
        with closing(rig.begin()) as relay:

            @tried(rig, one_in=4)
            @given(st.integers(0, 2), st.binary(max_size=12))
            def is_sent_once(well: int, junk: bytes) -> None:
                told, answers = rig.told_on(), count()
                rig.shape(lambda answer: answer if next(answers) < well else junk)
                with suppress(RelayError):  # and nothing that is none
                    relay.on(channel, rig.pulse_ms)
                assert_energised(rig, relay, channel)
                rig.shape()
                relay.off(channel)
                assert_energised(rig, relay)
                assert rig.told_on() == told + 1

            is_sent_once()

    # -- the cable ----------------------------------------------------------------------

    def test_a_cable_that_is_out_is_told_and_back_it_begins_with_off(self, rig: WireRig) -> None:
        channel = rig.channels[0]
        relay = rig.begin()
        relay.on(channel, rig.pulse_ms)
        assert_energised(rig, relay, channel)
        rig.unplug()
        uses: list[Callable[[], object]] = [
            relay.check,
            lambda: relay.on(channel, rig.pulse_ms),
            lambda: relay.off(channel),
        ]
        if relay.capabilities.reads_back:
            board = cast(ReadsBack, relay)
            uses.append(lambda: board.read(channel))
        for use in uses:
            with pytest.raises(PortLost):
                use()
        relay.close()
        with pytest.raises(PortMissing):
            rig.open()
        rig.plug()
        with closing(rig.begin()) as relay:
            assert_energised(rig, relay)
            assert rig.told_on() == 1
            relay.on(channel, rig.pulse_ms)
            assert_energised(rig, relay, channel)

    def test_a_cable_that_is_back_before_anybody_looked_was_out(self, rig: WireRig) -> None:
        channel = rig.channels[0]
        relay = rig.begin()
        rig.unplug()
        rig.plug()
        with pytest.raises(PortLost):
            relay.check()
        with pytest.raises(PortLost):
            relay.on(channel, rig.pulse_ms)
        relay.close()
        with closing(rig.begin()) as relay:
            assert rig.told_on() == 0
            relay.on(channel, rig.pulse_ms)
            assert_energised(rig, relay, channel)

    def test_a_write_that_timed_out_is_never_repeated(self, rig: WireRig) -> None:
        channel = rig.channels[0]
        with closing(rig.begin()) as relay:
            with rig.clogged(), pytest.raises(WriteTimedOut):
                relay.on(channel, rig.pulse_ms)
            assert relay.off(channel) is confirms(relay)
            assert_energised(rig, relay)
            assert rig.told_on() <= 1

    # -- contacts -----------------------------------------------------------------------

    def test_a_welded_contact_is_told_where_the_board_can_tell(self, rig: WireRig) -> None:
        channel = rig.channels[0]
        with closing(rig.begin(device_timed=False)) as relay:
            relay.on(channel, rig.pulse_ms)
            assert_energised(rig, relay, channel)
            rig.throw("welded")
            with raises(StuckOn, if_=relay.capabilities.reads_back):
                assert relay.off(channel) is confirms(relay)
            assert_energised(rig, relay, channel)
            rig.mend()
            assert relay.off(channel) is confirms(relay)
            assert_energised(rig, relay)

    def test_a_coil_that_never_closes_is_told_where_the_board_can_tell(self, rig: WireRig) -> None:
        channel = rig.channels[0]
        with closing(rig.begin()) as relay:
            rig.throw("stuck-open")
            with raises(StuckOff, if_=relay.capabilities.reads_back):
                assert relay.on(channel, rig.pulse_ms) is confirms(relay)
            assert_energised(rig, relay)
            relay.off(channel)
            rig.mend()
            assert relay.on(channel, rig.pulse_ms) is confirms(relay)
            assert_energised(rig, relay, channel)

    def test_crossed_channels_are_told_where_the_board_can_tell(self, rig: WireRig) -> None:
        with closing(rig.begin()) as relay:
            for told, closed in pairwise(rig.channels[:2]):  # none, where one is all
                rig.throw("crossed")
                with raises(WrongChannel, if_=relay.capabilities.reads_back):
                    assert relay.on(told, rig.pulse_ms) is confirms(relay)
                assert_energised(rig, relay, closed)
                relay.off(told)
                assert_energised(rig, relay)
