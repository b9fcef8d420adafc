"""Every mistake in a config is told at once, by line and column; nothing else ever comes of one."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.cli import main
from controller.config import Config, load
from controller.errors import ConfigError
from drivers import registry
from tests.conftest import ROOT
from tests.processes import quench

GOOD = """\
machine:
  name: hall-3
  public_url: "http://192.0.2.7:8080"
web:
  host: 127.0.0.1
  port: 8080
hardware:
  relay:
    driver: lcus
    port: /dev/ttyUSB0
    baud: 9600
    address: 1
    channels: 2
  drop_sensor:
    driver: none
slots:
  - name: water
    channel: 1
    capacity: 12
    pulse_ms: 700
  - name: tea
    channel: 2
    capacity: 24
    pulse_ms: 800
timing:
  dwell_ms: 100
  scan_timeout_ms: 20000
  confirm_timeout_ms: 60000
  drop_timeout_ms: 5000
safety:
  on_unknown: continue
journal:
  path: /var/lib/quench/quench.db
"""

SECTIONS = "machine, web, hardware, slots, timing, safety, journal"
WHOLE = "is not a whole number; allowed: digits, without quotes"
TEXT = "is not text; allowed: text (put it in quotes)"
PORT = "not a port; allowed: a path that begins with /, or usb:VVVV:PPPP[:SERIAL] as lsusb shows it"
URL = "not a URL that a phone can open; allowed: http://HOST[:PORT][/PATH]"


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def changed(old: str, new: str) -> str:
    """The good config with its one ``old`` replaced."""
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def refused(path: Path) -> list[str]:
    """What is told of ``path``, without its name at the head of each line."""
    with pytest.raises(ConfigError) as error:
        load(path)
    assert error.value.exit_code == 78
    lines = str(error.value).splitlines()
    assert all(line.startswith(f"{path}:") for line in lines), lines
    return [line.removeprefix(f"{path}:") for line in lines]


def place(text: str, line: str) -> str:
    """``line:column`` of the value in the one ``line`` of ``text``."""
    assert text.count(line) == 1, line
    before = text[: text.index(line) + line.index(": ") + 2]
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


# -- what is good ------------------------------------------------------------------------


def test_a_good_config_is_read_as_it_stands(tmp_path: Path) -> None:
    config = load(written(tmp_path, GOOD))
    assert config.machine.public_url == "http://192.0.2.7:8080"
    assert (config.web.host, config.web.port) == ("127.0.0.1", 8080)
    assert (config.hardware.relay.driver, config.hardware.relay.channels) == ("lcus", 2)
    assert [(slot.name, slot.channel, slot.capacity, slot.pulse_ms) for slot in config.slots] == [
        ("water", 1, 12, 700),
        ("tea", 2, 24, 800),
    ]
    assert config.timing.dwell_ms == 100
    assert config.journal.path == "/var/lib/quench/quench.db"


def test_what_may_be_left_out_is_as_the_repository_has_it(tmp_path: Path, config: Config) -> None:
    text = re.sub(r"^(web|timing|safety):\n(  .*\n)+", "", GOOD, flags=re.MULTILINE)
    text = text.replace("    baud: 9600\n    address: 1\n", "")
    text = text.replace("  drop_sensor:\n    driver: none\n", "")
    assert len(text.splitlines()) == len(GOOD.splitlines()) - 14
    short = load(written(tmp_path, text))
    assert (short.web, short.timing, short.safety) == (config.web, config.timing, config.safety)
    assert short.hardware.relay.baud == config.hardware.relay.baud
    assert short.hardware.drop_sensor == config.hardware.drop_sensor


@pytest.mark.parametrize("text", [GOOD.replace("\n", "\r\n"), "\N{BOM}" + GOOD, "---\n" + GOOD])
def test_how_other_editors_write_is_good_too(tmp_path: Path, text: str) -> None:
    assert load(written(tmp_path, text)) == load(written(tmp_path, GOOD))


@pytest.mark.parametrize("port", ["usb:1a86:7523", "usb:2A19:0C05", "usb:0403:6001:A9 0:x/Z"])
def test_a_port_may_be_what_is_plugged_in(tmp_path: Path, port: str) -> None:
    config = load(written(tmp_path, changed("/dev/ttyUSB0", port)))
    assert config.relay_settings().port == port


# -- one mistake -------------------------------------------------------------------------

MISTAKES = {
    # the wrong type
    "a number in quotes": ("port: 8080\n", 'port: "8080"\n', f"6:9: web.port: '8080' {WHOLE}"),
    "half a number": ("port: 8080\n", "port: 80.5\n", f"6:9: web.port: 80.5 {WHOLE}"),
    "a float": ("baud: 9600", "baud: 9600.0", f"11:11: hardware.relay.baud: 9600.0 {WHOLE}"),
    "a yes for a number": (
        "capacity: 12",
        "capacity: yes",
        f"19:15: slots[0].capacity: True {WHOLE}",
    ),
    "no number": ("baud: 9600", "baud:", f"11:10: hardware.relay.baud: None {WHOLE}"),
    "a list for a number": (
        "baud: 9600",
        "baud: [9600]",
        f"11:11: hardware.relay.baud: [9600] {WHOLE}",
    ),
    "a number for text": ("name: hall-3", "name: 3", f"2:9: machine.name: 3 {TEXT}"),
    "a date for text": (
        "name: hall-3",
        "name: 2019-04-27",
        f"2:9: machine.name: datetime.date(2019, 4, 27) {TEXT}",
    ),
    "a no for text": ("name: tea", "name: no", f"21:11: slots[1].name: False {TEXT}"),
    "text for a section": (
        "  on_unknown: continue",
        "  continue",
        "31:3: safety: should be a section; allowed: on_unknown, on_no_drop",
    ),
    "a list for a section": (
        "safety:\n  on_unknown",
        "safety:\n  - on_unknown",
        "31:3: safety: should be a section; allowed: on_unknown, on_no_drop",
    ),
    "nothing for a section": (
        "  path: /var/lib/quench/quench.db\n",
        "",
        "32:9: journal: should be a section; allowed: path",
    ),
    "text for a slot": (
        "  - name: tea\n    channel: 2\n    capacity: 24\n    pulse_ms: 800\n",
        "  - tea\n",
        "21:5: slots[1]: should be a section; allowed: name, channel, capacity, pulse_ms",
    ),
    # text that won't do
    "no name": (
        "hall-3",
        '""',
        "2:9: machine.name: 0 characters is out of bounds; allowed: 1 to 40 characters",
    ),
    "a long name": (
        "hall-3",
        "h" * 41,
        "2:9: machine.name: 41 characters is out of bounds; allowed: 1 to 40 characters",
    ),
    "a control character": (
        "hall-3",
        r'"hall\t3"',
        "2:9: machine.name: has a control character; allowed: printable text",
    ),
    "no scheme": ("http://192", "192", f"3:15: machine.public_url: {URL}"),
    "another scheme": ("http://192", "ftp://192", f"3:15: machine.public_url: {URL}"),
    "no host": ("http://192.0.2.7:8080", "http:///s", f"3:15: machine.public_url: {URL}"),
    "a query": ("2.7:8080", "2.7:8080?a=1", f"3:15: machine.public_url: {URL}"),
    "a fragment": ("2.7:8080", "2.7:8080/#a", f"3:15: machine.public_url: {URL}"),
    "a relative port": (
        "/dev/ttyUSB0",
        "COM3",
        f"10:11: hardware.relay.port: {PORT}",
    ),
    "half a USB device": ("/dev/ttyUSB0", "usb:1a86", f"10:11: hardware.relay.port: {PORT}"),
    "no hex digits": ("/dev/ttyUSB0", "usb:1a86:75z3", f"10:11: hardware.relay.port: {PORT}"),
    "an empty serial number": (
        "/dev/ttyUSB0",
        '"usb:1a86:7523:"',
        f"10:11: hardware.relay.port: {PORT}",
    ),
    "no journal": (
        "/var/lib/quench/quench.db",
        "''",
        "33:9: journal.path: 0 characters is out of bounds; allowed: 1 to 4096 characters",
    ),
    # a word that is none of the known
    "an unknown choice": (
        "continue",
        "halt",
        "31:15: safety.on_unknown: 'halt' is not known; allowed: 'continue' or 'stop'",
    ),
    "an unknown sensor": (
        "driver: none",
        "driver: beam",
        "15:13: hardware.drop_sensor.driver: 'beam' is not known;"
        " allowed: 'none', 'gpio' or 'serial-line'",
    ),
    "a driver with a slip": (
        "driver: lcus",
        "driver: lcsu",
        "9:13: hardware.relay.driver: no such driver, did you mean 'lcus'?;"
        f" allowed: {', '.join(registry.names())}",
    ),
    "an unknown driver": (
        "driver: lcus",
        "driver: zzzz",
        f"9:13: hardware.relay.driver: no such driver; allowed: {', '.join(registry.names())}",
    ),
    # keys
    "a key with a slip": (
        "    baud:",
        "    buad:",
        "11:5: hardware.relay.buad: unknown key, did you mean 'baud'?;"
        " allowed: driver, port, baud, address, channels, device_timed, active_low",
    ),
    "a key like none": (
        "  port: 8080\n",
        "  port: 8080\n  zzzz: 1\n",
        "7:3: web.zzzz: unknown key; allowed: host, port",
    ),
    "a key in a slot": (
        "    channel: 2\n",
        "    channel: 2\n    pulse: 1\n",
        "23:5: slots[1].pulse: unknown key, did you mean 'pulse_ms'?;"
        " allowed: name, channel, capacity, pulse_ms",
    ),
    "a section that is none": (
        "journal:",
        "zzzz: {}\njournal:",
        f"32:1: zzzz: unknown key; allowed: {SECTIONS}",
    ),
    "a missing key": (
        "    driver: lcus\n",
        "",
        "9:5: hardware.relay.driver: key missing: driver",
    ),
    "a missing key in a slot": (
        "    capacity: 24\n",
        "",
        "21:5: slots[1].capacity: key missing: capacity",
    ),
    "a missing section": (
        "journal:\n  path: /var/lib/quench/quench.db\n",
        "",
        "1:1: journal: key missing: journal",
    ),
    "a key twice": (
        "  port: 8080\n",
        "  port: 8080\n  port: 8080\n",
        "7:3: web.port: stands in line 6 already; allowed: once",
    ),
    "a key twice in a slot": (
        "    channel: 2\n",
        "    channel: 2\n    name: tea\n",
        "23:5: slots[1].name: stands in line 21 already; allowed: once",
    ),
    "a section twice": (
        "journal:",
        "web: {}\njournal:",
        "32:1: web: stands in line 4 already; allowed: once",
    ),
    # slots that can't stand side by side
    "two slots of one name": (
        "name: tea",
        "name: water",
        "21:11: slots[1].name: 'water' is the name of slots[0] already; allowed: another",
    ),
    "two slots on one channel": (
        "channel: 2\n    c",
        "channel: 1\n    c",
        "22:14: slots[1].channel: 1 is the channel of slots[0] already; allowed: another",
    ),
    "a channel that the board lacks": (
        "channel: 2\n    c",
        "channel: 3\n    c",
        "22:14: slots[1].channel: the board has no channel 3;"
        " allowed: 1 to 2, hardware.relay.channels",
    ),
    "more channels than such boards have": (
        "channels: 2",
        "channels: 9",
        "13:15: hardware.relay.channels: lcus boards have fewer channels; allowed: 1 to 8",
    ),
    # times that contradict each other
    "a scan that ends within the dwell": (
        "dwell_ms: 100",
        "dwell_ms: 20000",
        "27:20: timing.scan_timeout_ms: over before the dwell is;"
        " allowed: more than 20000, timing.dwell_ms",
    ),
    "a tap that ends within the dwell": (
        "dwell_ms: 100\n  scan_timeout_ms: 20000\n  confirm_timeout_ms: 60000",
        "dwell_ms: 2000\n  scan_timeout_ms: 2001\n  confirm_timeout_ms: 2000",
        "28:23: timing.confirm_timeout_ms: over before the dwell is;"
        " allowed: more than 2000, timing.dwell_ms",
    ),
}


@pytest.mark.parametrize(("old", "new", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_by_line_and_column(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert refused(written(tmp_path, changed(old, new))) == [told]


BOUNDS = [
    ("web.port", "port: 8080\n", 0, 65_535),
    ("hardware.relay.baud", "baud: 9600\n", 1_200, 921_600),
    ("hardware.relay.address", "address: 1\n", 1, 247),
    ("slots[0].capacity", "capacity: 12\n", 1, 1_000),
    ("slots[1].pulse_ms", "pulse_ms: 800\n", 100, 10_000),
    ("timing.dwell_ms", "dwell_ms: 100\n", 100, 30_000),
    ("timing.scan_timeout_ms", "scan_timeout_ms: 20000\n", 1_000, 300_000),
    ("timing.confirm_timeout_ms", "confirm_timeout_ms: 60000\n", 1_000, 600_000),
    ("timing.drop_timeout_ms", "drop_timeout_ms: 5000\n", 100, 60_000),
]


@pytest.mark.parametrize(("key", "line", "least", "most"), BOUNDS, ids=[key for key, *_ in BOUNDS])
def test_a_number_has_bounds(tmp_path: Path, key: str, line: str, least: int, most: int) -> None:
    word = line.split(maxsplit=1)[0]
    for good in (least, most):
        text = changed(line, f"{word} {good}\n")
        if key == "timing.dwell_ms":
            text = text.replace("scan_timeout_ms: 20000", "scan_timeout_ms: 40000")
        load(written(tmp_path, text))
    for bad in (least - 1, most + 1, -(10**30), 10**30):
        text = changed(line, f"{word} {bad}\n")
        at = place(text, f" {word} {bad}\n")
        told = f"{at}: {key}: {bad} is out of bounds; allowed: {least} to {most}"
        assert refused(written(tmp_path, text)) == [told]


def test_a_channel_is_one_of_the_board(tmp_path: Path) -> None:
    for channels in (1, 8):
        text = changed("channels: 2", f"channels: {channels}")
        text = text.replace("channel: 2\n    c", "channel: 8\n    c")
        path = written(tmp_path, text)
        if channels == 8:
            load(path)
        else:
            assert refused(path) == [
                "22:14: slots[1].channel: the board has no channel 8;"
                " allowed: 1 to 1, hardware.relay.channels"
            ]
    out = "is out of bounds; allowed: 1 to 64"
    for channel in (0, -1):
        text = changed("channel: 2\n    c", f"channel: {channel}\n    c")
        assert refused(written(tmp_path, text)) == [f"22:14: slots[1].channel: {channel} {out}"]
    for channels in (0, 65):
        text = changed("channels: 2", f"channels: {channels}")
        told = f"13:15: hardware.relay.channels: {channels} {out}"
        assert told in refused(written(tmp_path, text))


@pytest.mark.parametrize("count", [0, 1, 64, 65])
def test_a_machine_has_between_one_and_sixty_four_slots(tmp_path: Path, count: int) -> None:
    slots = "".join(
        f"  - {{name: s{n}, channel: {n + 1}, capacity: 1, pulse_ms: 100}}\n" for n in range(count)
    )
    text = re.sub(r"slots:\n(  .*\n)+", f"slots:\n{slots}" if slots else "slots: []\n", GOOD)
    told = [line for line in refused_or_none(written(tmp_path, text)) if ": slots: " in line]
    first = "17:3" if slots else "16:8"
    out = f"{first}: slots: {count} entries is out of bounds; allowed: 1 to 64 entries"
    assert told == ([] if 1 <= count <= 64 else [out])


def refused_or_none(path: Path) -> list[str]:
    try:
        load(path)
    except ConfigError:
        return refused(path)
    return []


# -- several mistakes --------------------------------------------------------------------


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
slots:
  - {name: tea, channel: 9, capacity: 0, pulse_ms: 700}
  - {name: tea, chanel: 1, capacity: 12, pulse_ms: 700}
web:
  port: "8080"
  port: 70000
hardware:
  relay: {driver: lucs, port: ttyUSB0, channels: 4}
sauce: 7
timing: {dwell_ms: 20, dwell_ms: 30}
machine: {name: hall-3}
"""
    slot_keys, names = "name, channel, capacity, pulse_ms", ", ".join(registry.names())
    assert refused(written(tmp_path, text)) == [
        "1:1: journal: key missing: journal",
        "2:26: slots[0].channel: the board has no channel 9;"
        " allowed: 1 to 4, hardware.relay.channels",
        "2:39: slots[0].capacity: 0 is out of bounds; allowed: 1 to 1000",
        "3:5: slots[1].channel: key missing: channel",
        "3:12: slots[1].name: 'tea' is the name of slots[0] already; allowed: another",
        f"3:17: slots[1].chanel: unknown key, did you mean 'channel'?; allowed: {slot_keys}",
        "6:3: web.port: stands in line 5 already; allowed: once",
        "6:9: web.port: 70000 is out of bounds; allowed: 0 to 65535",
        f"8:19: hardware.relay.driver: no such driver, did you mean 'lcus'?; allowed: {names}",
        f"8:31: hardware.relay.port: {PORT}",
        f"9:1: sauce: unknown key, did you mean 'safety'?; allowed: {SECTIONS}",
        "10:24: timing.dwell_ms: stands in line 10 already; allowed: once",
        "10:34: timing.dwell_ms: 30 is out of bounds; allowed: 100 to 30000",
        "11:10: machine.public_url: key missing: public_url",
    ]


# -- what is no config at all ------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (changed("web:", "web: {"), "6:7: not YAML: did not find expected ',' or '}'"),
        (changed("name: hall-3", 'name: "hall-3'), "3:16: not YAML: did not find expected key"),
        (
            changed("  host", "host"),
            "6:7: not YAML: mapping values are not allowed in this context",
        ),
        (changed("name: hall-3", "name: *hall"), "2:9: not YAML: found undefined alias"),
        (
            changed("name: hall-3", "name: !hall 3"),
            "2:9: not YAML: could not determine a constructor for the tag '!hall'",
        ),
        (
            changed("  port: 8080\n", "\tport: 8080\n"),
            "6:1: not YAML: found a tab character that violates indentation",
        ),
        (
            changed("    baud", "   \tbaud"),
            "11:4: not YAML: found a tab character that violates indentation",
        ),
        (
            changed("web:\n", "web:\n\tname: x\n"),
            "5:1: not YAML: found character that cannot start any token",
        ),
        (f"{GOOD}---\n{GOOD}", "34:1: not YAML: but found another document"),
        ("[" * 5_000, "1:1001: not YAML: exceeded maximum nesting depth"),
    ],
)
def test_broken_yaml_is_told_where_it_breaks(tmp_path: Path, text: str, told: str) -> None:
    assert refused(written(tmp_path, text)) == [told]


@pytest.mark.parametrize("text", ["water", "8080", "- web\n", "~", "[]", '"machine: 1"'])
def test_what_has_no_keys_is_no_config(tmp_path: Path, text: str) -> None:
    told = f"1:1: file: should be a section; allowed: {SECTIONS}"
    assert refused(written(tmp_path, text)) == [told]


@pytest.mark.parametrize("text", ["", "\n\n", "# later\n"])
def test_an_empty_file_says_where_to_find_a_full_one(tmp_path: Path, text: str) -> None:
    told = "1:1: the file is empty; see the config.yaml that came with quench"
    assert refused(written(tmp_path, text)) == [told]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.yaml") == [" no such file or directory"]
    assert refused(written(tmp_path, GOOD) / "config.yaml") == [" not a directory"]
    assert refused(tmp_path) == [" is a directory"]
    loop = tmp_path / "loop.yaml"
    loop.symlink_to(loop)
    assert refused(loop) == [" too many levels of symbolic links"]
    text = changed("hall-3", "caf\u00e9")
    assert refused(written(tmp_path, text.encode("latin-1"))) == [" not UTF-8 text (byte 20)"]
    assert refused(written(tmp_path, GOOD.encode("utf-16"))) == [" not UTF-8 text (byte 0)"]


# -- the commands ------------------------------------------------------------------------

BAD = changed("port: 8080\n", "port: 80800\n").replace("name: tea", "name: water")
BAD_TOLD = (
    "{0}:6:9: web.port: 80800 is out of bounds; allowed: 0 to 65535\n"
    "{0}:21:11: slots[1].name: 'water' is the name of slots[0] already; allowed: another\n"
)


def test_check_says_ok_and_warns_of_a_board_that_nobody_watches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path, GOOD)
    assert main(["check", "--config", str(path)]) == 0
    said = capsys.readouterr()
    assert said.out == f"{path}: ok\n"
    assert "Traceback" not in said.err
    (warning,) = caplog.messages
    assert warning.startswith("WARNING: hardware.relay: lcus relays neither answer nor time")


def test_check_says_every_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, BAD)
    assert main(["check", "--config", str(path)]) == 78
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", BAD_TOLD.format(path))


def test_check_reads_the_config_that_lies_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check"]) == 78
    assert capsys.readouterr().err == "config.yaml: no such file or directory\n"
    written(tmp_path, BAD)
    assert main(["check"]) == 78
    assert capsys.readouterr().err == BAD_TOLD.format("config.yaml")
    written(tmp_path, GOOD)
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "config.yaml: ok\n"


@pytest.mark.parametrize("command", ["run", "sim", "stock", "journal"])
def test_no_command_works_with_a_bad_config(tmp_path: Path, command: str) -> None:
    path = written(tmp_path, BAD.replace("/var/lib/quench", str(tmp_path)))
    with quench(command, "--config", path) as program:
        assert program.end() == 78
    assert program.said == BAD_TOLD.format(path)
    assert list(tmp_path.iterdir()) == [path], "nothing was begun"


# -- whatever the file says --------------------------------------------------------------

TOLD = re.compile(
    r"\d+:\d+: (not YAML: .+|the file is empty; .+|.+: .+)"
    r"| not YAML: unacceptable character .+| not UTF-8 text \(byte \d+\)"
)
LINES = (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines()
KEYS = [*sorted(set(re.findall(r"\w+(?=:\s)", "\n".join(LINES)))), "sauce", "<<"]
SCALARS = [
    *("", "~", "yes", "0", "1", "2", "-1", "64", "65", "8080", "0x10", "1_0", "1.5", "1e3", ".nan"),
    *("9" * 4_000, "-" + "9" * 30, "water", "tea", "lcus", "none", "stop", "/dev/x", "http://x"),
    *(
        '"1"',
        "''",
        '"',
        "'",
        "é",
        "水",
        "a: b",
        "a #b",
        "@",
        "`",
        "%",
        "&a 1",
        "*a",
        "!a 1",
        "!!str 1",
    ),
    *(
        "[]",
        "{}",
        "[1, 2]",
        "{a: 1}",
        "[",
        "}",
        "- 1",
        "? 1",
        "|",
        ">-",
        "\t",
        "2019-04-27",
        "1:30",
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whatever")


def loads_or_tells(path: Path) -> bool:
    """Whether ``path`` is a good config; if not, each line of what is told has the form."""
    try:
        load(path)
    except ConfigError as error:
        for line in str(error).split("\n"):
            assert TOLD.fullmatch(line.removeprefix(f"{path}:")), line
        return False
    return True


@given(text=st.text())
def test_any_text_loads_or_is_told(folder: Path, text: str) -> None:
    loads_or_tells(written(folder, text))


@given(data=st.binary())
def test_any_bytes_load_or_are_told(folder: Path, data: bytes) -> None:
    loads_or_tells(written(folder, data))


def scalars() -> st.SearchStrategy[str]:
    return st.sampled_from(SCALARS)


def lines() -> st.SearchStrategy[str]:
    """A line of the file, or one that might have stood there."""
    made = st.builds(
        "{}{}: {}".format,
        st.sampled_from(["", "  ", "    ", "  - "]),
        st.sampled_from(KEYS),
        scalars(),
    )
    return st.sampled_from(LINES) | made | scalars()


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """The repository's config.yaml after up to three slips of somebody's hand."""
    text = list(LINES)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text) - 1))
        match draw(st.sampled_from(["scalar", "line", "delete", "insert"])):
            case "scalar":
                values = list(re.finditer(r"(?<=: )[^\s{},#]+", text[at]))
                if values:
                    value = draw(st.sampled_from(values))
                    text[at] = text[at][: value.start()] + draw(scalars()) + text[at][value.end() :]
            case "line":
                text[at] = draw(lines())
            case "delete":
                del text[at]
            case "insert":
                text.insert(at, draw(lines()))
    return "\n".join(text)


def test_any_slip_in_the_config_loads_or_is_told(folder: Path) -> None:
    seen = {True: 0, False: 0}

    @given(text=mutations())
    def slip(text: str) -> None:
        seen[loads_or_tells(written(folder, text))] += 1

    slip()
    assert min(seen.values()) > 20, f"both must happen, or nothing is tested: {seen}"
