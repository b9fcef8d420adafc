"""``config.yaml``: what it may say, and every mistake in it at once, by line and column."""

import difflib
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from controller.errors import ConfigError
from drivers import registry, usb
from drivers.hal import Driver, RelaySettings, SensorSettings

_Loc = tuple[int | str, ...]
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Section(BaseModel):
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
            {"hint": _did_you_mean(name, registry.names()), "names": ", ".join(registry.names())},
        )
    return name


Name = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f]+$")]
SerialPort = Annotated[str, Field(max_length=255), AfterValidator(_serial_port)]
FilePath = Annotated[str, Field(min_length=1, max_length=4096)]


class MachineSection(_Section):
    name: Name
    public_url: Annotated[str, Field(max_length=100), AfterValidator(_public_url)]


class WebSection(_Section):
    host: Annotated[str, Field(min_length=1, max_length=255)] = "0.0.0.0"  # noqa: S104
    port: Annotated[int, Field(ge=0, le=65535)] = 8080


class RelaySection(_Section):
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


class DropSensorSection(_Section):
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


class HardwareSection(_Section):
    relay: RelaySection
    drop_sensor: DropSensorSection = DropSensorSection()


class SlotSection(_Section):
    name: Name
    channel: Annotated[int, Field(ge=1, le=64)]
    capacity: Annotated[int, Field(ge=1, le=1000)]
    pulse_ms: Annotated[int, Field(ge=100, le=10_000)]


class TimingSection(_Section):
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


class SafetySection(_Section):
    on_unknown: Literal["continue", "stop"] = "continue"
    on_no_drop: Literal["fail", "try_another_slot"] = "fail"
    """What follows when the drop sensor saw no drink fall."""


class JournalSection(_Section):
    path: FilePath


class Config(_Section):
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


@dataclass(frozen=True, slots=True)
class _Mistake:
    line: int
    column: int
    key: str
    text: str


def load(path: Path) -> Config:
    """Read and validate ``path``.

    Raises ConfigError with every mistake in it, a line each, as
    ``file:line:column: key: what is wrong; what is allowed``.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from error
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        data = loader.construct_document(root) if root is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else f"{path}"
        raise ConfigError(f"{where}: not YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {str(error).splitlines()[0]}") from error
    if root is None:
        raise ConfigError(
            f"{path}:1:1: the file is empty; see the config.yaml that came with quench"
        )
    mistakes = [*_twice(root, (), set()), *_clashes(root, data)]
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        for details in error.errors():
            mistakes.extend(_explain(root, details))
    if mistakes:
        mistakes.sort(key=lambda mistake: (mistake.line, mistake.column))
        raise ConfigError(
            "\n".join(f"{path}:{m.line}:{m.column}: {m.key}: {m.text}" for m in mistakes)
        )
    return config


def _explain(root: yaml.Node, details: ErrorDetails) -> Iterator[_Mistake]:
    loc = details["loc"]
    match details["type"]:
        case "missing":
            yield _at(root, loc[:-1], f"key missing: {loc[-1]}", key=_dotted(loc))
        case "extra_forbidden":
            allowed = _keys(loc[:-1])
            hint = _did_you_mean(str(loc[-1]), allowed)
            yield _at(root, loc, f"unknown key{hint}; allowed: {', '.join(allowed)}", of_key=True)
        case "model_type" | "model_attributes_type":
            yield _at(root, loc, f"should be a section; allowed: {', '.join(_keys(loc))}")
        case _:
            yield _at(root, loc, _wrong(details))


def _wrong(details: ErrorDetails) -> str:
    value, context = details["input"], details.get("ctx", {})
    match details["type"]:
        case "int_type" | "int_from_float" | "int_parsing":
            return f"{value!r} is not a whole number; allowed: digits, without quotes"
        case "bool_type" | "bool_parsing":
            return f"{value!r} is not a yes or no; allowed: true, false"
        case "string_type":
            return f"{value!r} is not text; allowed: text (put it in quotes)"
        case "list_type":
            return "not a list; allowed: lines that begin with '- '"
        case "literal_error":
            return f"{value!r} is not known; allowed: {context['expected']}"
        case (
            "greater_than_equal"
            | "less_than_equal"
            | "too_short"
            | "too_long"
            | "string_too_short"
            | "string_too_long"
        ) if (bounds := _bounds(details["loc"])) is not None:
            size = (
                ""
                if isinstance(value, int)
                else " characters"
                if isinstance(value, str)
                else " entries"
            )
            shown = value if isinstance(value, int) else len(typing.cast(typing.Sized, value))
            return f"{shown}{size} is out of bounds; allowed: {bounds[0]} to {bounds[1]}{size}"
        case "string_pattern_mismatch":
            return "has a control character; allowed: printable text"
    return details["msg"]


def _at(
    root: yaml.Node, loc: _Loc, text: str, *, key: str | None = None, of_key: bool = False
) -> _Mistake:
    """The mistake at the deepest node of ``loc`` that the file has."""
    node = root
    for step in loc:
        found = _child(node, step)
        if found is None:
            break
        key_node, node = found
        if of_key and step == loc[-1]:
            node = key_node
    mark = node.start_mark
    return _Mistake(mark.line + 1, mark.column + 1, key or _dotted(loc) or "file", text)


def _child(node: yaml.Node, step: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        # YAML lets the last of two equal keys win, and so must the place that we name.
        for key, value in reversed(node.value):
            if key.value == str(step):
                return key, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _twice(node: yaml.Node, loc: _Loc, been: set[int]) -> Iterator[_Mistake]:
    """Keys that stand twice in one section: YAML would drop the first without a word."""
    if id(node) in been:  # an alias, perhaps of a node around it
        return
    been.add(id(node))
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                yield _Mistake(
                    line,
                    key.start_mark.column + 1,
                    _dotted((*loc, key.value)),
                    f"stands in line {seen[key.value]} already; allowed: once",
                )
            seen[key.value] = line
            yield from _twice(value, (*loc, key.value), been)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _twice(value, (*loc, index), been)


def _clashes(root: yaml.Node, data: Any) -> Iterator[_Mistake]:
    """Slots that can't stand side by side on this board.

    Looks at the data as it was read, so that one mistake elsewhere hides none of these.
    """
    slots = _get(data, "slots")
    relay = _get(_get(data, "hardware"), "relay")
    seen: dict[tuple[str, object], int] = {}
    for index, slot in enumerate(slots if isinstance(slots, list) else ()):
        for key in ("name", "channel"):
            value = _get(slot, key)
            if not isinstance(value, str | int):
                continue
            first = seen.setdefault((key, value), index)
            if first != index:
                text = f"{value!r} is the {key} of slots[{first}] already; allowed: another"
                yield _at(root, ("slots", index, key), text)
        yield from _no_such_channel(root, relay, index, _get(slot, "channel"))
        yield from _untimeable(root, relay, index, _get(slot, "pulse_ms"))
    channels = {value: index for (key, value), index in seen.items() if key == "channel"}
    yield from _sensor_clashes(root, data, relay, channels)


def _sensor_clashes(
    root: yaml.Node, data: Any, relay: Any, slot_of: Mapping[object, int]
) -> Iterator[_Mistake]:
    """A beam on a slot's pin, and what only makes sense with a beam."""
    sensor = _get(_get(data, "hardware"), "drop_sensor")
    driver, pin = _driver_named(relay), _get(sensor, "pin")
    if driver is not None and driver.on_pins and pin in slot_of:
        text = f"pin {pin} is the channel of slots[{slot_of[pin]}] already; allowed: another"
        yield _at(root, ("hardware", "drop_sensor", "pin"), text)
    senseless = _get(sensor, "driver") in (None, "none")
    if senseless and _get(_get(data, "safety"), "on_no_drop") == "try_another_slot":
        text = "without a drop sensor nobody sees that none fell; allowed: fail"
        yield _at(root, ("safety", "on_no_drop"), text)


def _no_such_channel(root: yaml.Node, relay: Any, index: int, channel: Any) -> Iterator[_Mistake]:
    """A slot on a relay that the board hasn't, or on a pin that this computer hasn't."""
    driver, most = _driver_named(relay), _get(relay, "channels")
    if driver is not None and driver.on_pins:
        most, kind, where = driver.max_channels, "pin", "the pins of the header"
    else:
        kind, where = "channel", "hardware.relay.channels"
    if isinstance(channel, int) and isinstance(most, int) and channel > most:
        owner = "the header" if kind == "pin" else "the board"
        text = f"{owner} has no {kind} {channel}; allowed: 1 to {most}, {where}"
        yield _at(root, ("slots", index, "channel"), text)


def _driver_named(relay: Any) -> Driver | None:
    name = _get(relay, "driver")
    try:
        return registry.load(name) if isinstance(name, str) else None
    except (KeyError, registry.BrokenDriver):
        return None


def _untimeable(root: yaml.Node, relay: Any, index: int, pulse_ms: Any) -> Iterator[_Mistake]:
    """A pulse that the board times itself, and can't."""
    name, driver = _get(relay, "driver"), _driver_named(relay)
    if not isinstance(pulse_ms, int) or driver is None:
        return
    if driver.can(_get(relay, "device_timed") is not False).device_timed:
        nearest_ms = driver.nearest_pulse_ms(pulse_ms)
        if nearest_ms != pulse_ms:
            text = (
                f"{name} boards can't time {pulse_ms} ms; allowed: {nearest_ms}, the nearest,"
                " or hardware.relay.device_timed: false"
            )
            yield _at(root, ("slots", index, "pulse_ms"), text)


def _get(data: Any, key: str) -> Any:
    return data.get(key) if isinstance(data, dict) else None


def _dotted(loc: _Loc) -> str:
    text = ""
    for step in loc:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _did_you_mean(word: str, allowed: list[str]) -> str:
    near = difflib.get_close_matches(word, allowed, n=1, cutoff=0.5)
    return f", did you mean '{near[0]}'?" if near else ""


def _section(loc: _Loc) -> type[BaseModel] | None:
    """The model that validates what stands at ``loc``."""
    model: Any = Config
    for step in loc:
        if isinstance(step, int):
            continue
        if not _is_section(model) or step not in model.model_fields:
            return None
        model = model.model_fields[step].annotation
        if typing.get_origin(model) in (list, types.UnionType):
            model = typing.get_args(model)[0]
    return model if _is_section(model) else None


def _is_section(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, BaseModel)


def _keys(loc: _Loc) -> list[str]:
    section = _section(loc)
    return list(section.model_fields) if section else []


def _bounds(loc: _Loc) -> tuple[int, int] | None:
    """The least and the most that the field at ``loc`` allows."""
    section = _section(loc[:-1])
    if section is None:
        return None
    low = high = None
    for rule in section.model_fields[str(loc[-1])].metadata:
        low = getattr(rule, "ge", getattr(rule, "min_length", low))
        high = getattr(rule, "le", getattr(rule, "max_length", high))
    return None if low is None or high is None else (low, high)
