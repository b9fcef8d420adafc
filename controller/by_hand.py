"""``quench relay``: a real board by hand, as the config or the flags name it."""

import argparse
from contextlib import closing
from dataclasses import replace
from typing import cast

from controller.config import load
from controller.errors import QuenchError
from controller.report import say
from drivers import bringup, registry
from drivers.hal import Clock, Driver, ReadsBack, RelayError, RelaySettings

CHANNELS = 8
"""How many relays a board has of which nothing is said."""


def do(options: argparse.Namespace, clock: Clock) -> None:
    """Do ``options.deed``, one of DEEDS. Raises QuenchError."""
    settings = _settings(options)
    try:
        DEEDS[options.deed](options, settings, clock)
    except RelayError as error:
        raise QuenchError(str(error)) from error


def _settings(options: argparse.Namespace) -> RelaySettings:
    """The config's board, as far as no flag says otherwise; no config is needed if all is said."""
    name: str | None = getattr(options, "driver", None)
    if name and _driver(name).on_pins:
        return RelaySettings(name, "", [_channel(options, name)])
    if options.port and (name or options.deed == "probe"):
        settings = RelaySettings(name or "lcus", options.port, range(1, CHANNELS + 1))
    else:
        settings = load(options.config).relay_settings()
    said = {"driver": name, "port": options.port, "baud": options.baud}
    said["address"] = options.address
    settings = replace(settings, **{key: value for key, value in said.items() if value})
    driver = _driver(settings.driver)
    channel = _channel(options, settings.driver)
    if driver.on_pins:
        return replace(settings, channels=[channel])
    said_channels: int | None = getattr(options, "channels", None)
    most = min(said_channels or len(settings.channels), driver.max_channels)
    if name is None and options.deed in ("on", "off", "pulse") and channel > most:
        raise QuenchError(
            f"the board has no channel {channel}; allowed: 1 to {most}, hardware.relay.channels"
        )
    return replace(settings, channels=range(1, max(most, channel) + 1))


def _driver(name: str) -> Driver:
    try:
        return registry.load(name)
    except KeyError:
        names = ", ".join(registry.names())
        raise QuenchError(f"no driver is called {name!r}; there are: {names}") from None
    except registry.BrokenDriver as error:
        raise QuenchError(str(error)) from error


def _channel(options: argparse.Namespace, name: str) -> int:
    channel: int = getattr(options, "channel", 1)
    most = _driver(name).max_channels
    if not 1 <= channel <= most:
        raise QuenchError(f"{name} has channels 1 to {most}")
    return channel


def _probe(options: argparse.Namespace, settings: RelaySettings, clock: Clock) -> None:
    if registry.load(settings.driver).on_pins:
        raise QuenchError("pins can't be asked; name a serial port with --port")
    for dialect, why_not in bringup.probe(settings.port, settings.baud, settings.address, clock):
        say(f"{dialect}: {why_not or 'answers'}")
        if not why_not:
            return
    silent = " and ".join(bringup.SILENT)
    raise QuenchError(f"{settings.port}: nothing answers; boards of {silent} may not answer at all")


def _status(options: argparse.Namespace, settings: RelaySettings, clock: Clock) -> None:
    driver = registry.load(settings.driver)
    if not driver.capabilities.reads_back:
        raise QuenchError(f"{settings.driver} relays can't say how their coils are")
    most = len(settings.channels)
    with closing(driver.open_relay(settings, clock)) as relay:
        for channel in relay.channels:
            try:
                on = cast(ReadsBack, relay).read(channel)
            except RelayError as error:
                hint = (
                    "" if options.channels else f"; --channels says how many it has, if not {most}"
                )
                raise QuenchError(f"channel {channel}: {error}{hint}") from error
            say(f"channel {channel}: {'ON' if on else 'OFF'}")


def _on(options: argparse.Namespace, settings: RelaySettings, clock: Clock) -> None:
    channel = options.channel
    if registry.load(settings.driver).on_pins:
        raise QuenchError(f"pin {channel} is let go when this command ends; use pulse")
    _ask_first(options, f"relay {channel} at {settings.port} will be ON until it is told OFF")
    settings = replace(settings, device_timed=False)
    with closing(registry.load(settings.driver).open_relay(settings, clock)) as relay:
        confirmed = relay.on(channel, 0)
    say(f"channel {channel}: ON{', confirmed' if confirmed else ''}")


def _off(options: argparse.Namespace, settings: RelaySettings, clock: Clock) -> None:
    with closing(registry.load(settings.driver).open_relay(settings, clock)) as relay:
        confirmed = relay.off(options.channel)
    say(f"channel {options.channel}: OFF{', confirmed' if confirmed else ''}")


def _pulse(options: argparse.Namespace, settings: RelaySettings, clock: Clock) -> None:
    driver, pulse_ms = registry.load(settings.driver), options.pulse_ms
    if not 100 <= pulse_ms <= 10_000:  # as in a config
        raise QuenchError(f"{pulse_ms} ms is out of bounds; allowed: 100 to 10000")
    if driver.can(settings.device_timed).device_timed:
        nearest_ms = driver.nearest_pulse_ms(pulse_ms)
        if nearest_ms != pulse_ms:
            raise QuenchError(
                f"{settings.driver} boards can't time {pulse_ms} ms;"
                f" allowed: {nearest_ms}, the nearest"
            )
    where = f"relay {options.channel} at {settings.port or 'its pin'}"
    _ask_first(options, f"{where} will click for {pulse_ms} ms")
    with closing(driver.open_relay(settings, clock)) as relay:
        try:
            confirmed = relay.on(options.channel, pulse_ms)
            clock.sleep_ms(pulse_ms)
        finally:
            confirmed_off = relay.off(options.channel)
    sure = confirmed and confirmed_off
    say(f"channel {options.channel}: ON for {pulse_ms} ms{', confirmed' if sure else ''}")


DEEDS = {"probe": _probe, "status": _status, "on": _on, "off": _off, "pulse": _pulse}


def _ask_first(options: argparse.Namespace, what: str) -> None:
    if options.yes:
        return
    try:
        answer = input(f"{what}. Go on? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise QuenchError("nothing was switched")
