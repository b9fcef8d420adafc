"""``config.yaml``: what it may say, and every mistake in it at once, by line and column."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from controller.clashes import clashes
from controller.mistakes import did_you_mean
from controller.yaml_file import read
from drivers import registry, usb
from drivers.hal import Driver, RelaySettings, SensorSettings


class Section(BaseModel):
    """Keys that nobody knows are refused, and so is a value that would have to be guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _public_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise PydanticCustomError(
            "public_url", "not a URL that a phone can open; allowed: http://HOST[:PORT][/PATH]"
        )
    return url.rstrip("/")


def _serial_port(port: str) -> str:
    if not (port.startswith("/") or usb.well_named(port)):
        raise PydanticCustomError(
            "serial_port",
            "not a port; allowed: a path that begins with /, or {usb}",
            {"usb": usb.ALLOWED},
        )
    return port


def _driver(name: str) -> str:
    if registry.known(name):
        try:
            registry.load(name)
        except registry.BrokenDriver as error:
            raise PydanticCustomError("broken_driver", "{error}", {"error": str(error)}) from error
    else:
        raise PydanticCustomError(
            "driver",
            "no such driver{hint}; allowed: {names}",
            {"hint": did_you_mean(name, registry.names()), "names": ", ".join(registry.names())},
        )
    return name


Name = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f]+$")]
SerialPort = Annotated[str, Field(max_length=255), AfterValidator(_serial_port)]
FilePath = Annotated[str, Field(min_length=1, max_length=4096)]


class MachineSection(Section):
    name: Name
    public_url: Annotated[str, Field(max_length=100), AfterValidator(_public_url)]


class WebSection(Section):
    host: Annotated[str, Field(min_length=1, max_length=255)] = "0.0.0.0"  # noqa: S104
    port: Annotated[int, Field(ge=0, le=65535)] = 8080


class RelaySection(Section):
    driver: Annotated[str, AfterValidator(_driver)]
    port: SerialPort | None = Field(default=None, validate_default=True)
    """None where the relays are on pins of this computer."""
    baud: Annotated[int, Field(ge=1200, le=921600)] = 9600
    address: Annotated[int, Field(ge=1, le=247)] = 1
    channels: Annotated[int, Field(ge=1, le=64)] = 8
    """How many relays the board has; each is told OFF at every start."""
    device_timed: bool = True
    """False: a board's own pulse timer is not used, and this program ends each pulse."""
    active_low: bool = False
    """Only of pins: a relay is energised at 0 V."""

    @field_validator("port")
    @classmethod
    def _has_a_port(cls, port: str | None, info: ValidationInfo) -> str | None:
        driver = _driver_of(info)
        if driver is not None and driver.on_pins is not (port is None):
            name = {"driver": info.data["driver"]}
            if port is None:
                text = "key missing: where the {driver} board is plugged in"
            else:
                text = "{driver} relays have no port; allowed: leave it out"
            raise PydanticCustomError("port", text, name)
        return port

    @field_validator("channels")
    @classmethod
    def _board_has_them(cls, channels: int, info: ValidationInfo) -> int:
        driver = _driver_of(info)
        name = info.data.get("driver")
        if driver is not None and driver.on_pins:
            raise PydanticCustomError(
                "channels",
                "a channel of {driver} is a pin's number; allowed: leave it out",
                {"driver": name},
            )
        if driver is not None and channels > driver.max_channels:
            raise PydanticCustomError(
                "channels",
                "{driver} boards have fewer channels; allowed: 1 to {most}",
                {"driver": name, "most": driver.max_channels},
            )
        return channels

    @field_validator("active_low")
    @classmethod
    def _is_a_pin(cls, active_low: bool, info: ValidationInfo) -> bool:
        driver = _driver_of(info)
        if driver is not None and not driver.on_pins:
            raise PydanticCustomError(
                "active_low",
                "only pins have it, {driver} boards don't; allowed: leave it out",
                {"driver": info.data["driver"]},
            )
        return active_low


def _driver_of(info: ValidationInfo) -> Driver | None:
    """The driver of the section that is validated; None if its name is a mistake already."""
    name = info.data.get("driver")
    return registry.load(name) if name is not None else None


class DropSensorSection(Section):
    driver: Literal["none", "gpio", "serial-line"] = "none"
    pin: Annotated[int | None, Field(ge=0, le=27, validate_default=True)] = None
    """Only of gpio: by its BCM number."""
    line: Annotated[Literal["cts", "dsr"] | None, Field(validate_default=True)] = None
    """Only of serial-line: of the relay board's own adapter."""
    broken_when: Literal["low", "high"] = "low"
    debounce_ms: Annotated[int, Field(ge=0, le=100)] = 5

    @field_validator("pin", "line")
    @classmethod
    def _goes_with_the_driver(cls, value: object, info: ValidationInfo) -> object:
        driver, key = info.data.get("driver"), info.field_name
        owner = {"pin": "gpio", "line": "serial-line"}[str(key)]
        if driver is None or (driver == owner) is (value is not None):
            return value
        text = "key missing: {owner} needs it" if value is None else "only {owner} has it"
        raise PydanticCustomError("drop_sensor", text, {"owner": owner})


class HardwareSection(Section):
    relay: RelaySection
    drop_sensor: DropSensorSection = DropSensorSection()


class SlotSection(Section):
    name: Name
    channel: Annotated[int, Field(ge=1, le=64)]
    capacity: Annotated[int, Field(ge=1, le=1000)]
    pulse_ms: Annotated[int, Field(ge=100, le=10_000)]


class TimingSection(Section):
    dwell_ms: Annotated[int, Field(ge=100, le=30_000)] = 2_000
    scan_timeout_ms: Annotated[int, Field(ge=1_000, le=300_000)] = 20_000
    confirm_timeout_ms: Annotated[int, Field(ge=1_000, le=600_000)] = 60_000
    drop_timeout_ms: Annotated[int, Field(ge=100, le=60_000)] = 5_000

    @field_validator("scan_timeout_ms", "confirm_timeout_ms")
    @classmethod
    def _outlasts_the_dwell(cls, timeout_ms: int, info: ValidationInfo) -> int:
        dwell_ms = info.data.get("dwell_ms", 0)
        if timeout_ms <= dwell_ms:
            raise PydanticCustomError(
                "within_dwell",
                "over before the dwell is; allowed: more than {dwell_ms}, timing.dwell_ms",
                {"dwell_ms": dwell_ms},
            )
        return timeout_ms


class SafetySection(Section):
    on_unknown: Literal["continue", "stop"] = "continue"
    on_no_drop: Literal["fail", "try_another_slot"] = "fail"
    """What follows when the drop sensor saw no drink fall."""


class JournalSection(Section):
    path: FilePath


class Config(Section):
    """One machine, complete. Numbers ending in ``_ms`` are milliseconds."""

    machine: MachineSection
    web: WebSection = WebSection()
    hardware: HardwareSection
    slots: Annotated[list[SlotSection], Field(min_length=1, max_length=64)]
    timing: TimingSection = TimingSection()
    safety: SafetySection = SafetySection()
    journal: JournalSection

    def risks(self) -> list[str]:
        """What the operator must know of this machine though nothing is wrong, a sentence each."""
        relay = self.hardware.relay
        if not registry.load(relay.driver).can(relay.device_timed).blind:
            return []
        return [
            f"hardware.relay: {relay.driver} relays neither answer nor time a pulse themselves:"
            " nothing but this program will switch a relay off"
        ]

    def sensor_settings(self) -> SensorSettings | None:
        """The drop sensor as its driver wants it; None if there is none."""
        sensor = self.hardware.drop_sensor
        if sensor.driver == "none":
            return None
        return SensorSettings(
            sensor.driver,
            pin=sensor.pin or 0,
            line=sensor.line or "",
            broken_when_high=sensor.broken_when == "high",
        )

    def relay_settings(self) -> RelaySettings:
        """The relay as its driver wants it."""
        relay = self.hardware.relay
        on_pins = registry.load(relay.driver).on_pins
        used = [slot.channel for slot in self.slots]
        return RelaySettings(
            relay.driver,
            relay.port or "",
            used if on_pins else range(1, relay.channels + 1),
            baud=relay.baud,
            address=relay.address,
            device_timed=relay.device_timed,
            active_low=relay.active_low,
        )


def load(path: Path) -> Config:
    """Read and validate ``path``.

    Raises ConfigError with every mistake in it, a line each, as
    ``file:line:column: key: what is wrong; what is allowed``.
    """
    return read(path, Config, clashes, "see the config.yaml that came with quench")
