"""A view in words: what each part of the face shows."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from textual.content import Content

from controller.codes import scan_url
from controller.status import Status
from controller.web import pages, qr
from controller.web.words import EN, ZH
from sim.tui.view import View

CANS = 12
"""So many are drawn of a full slot, or as many as it holds."""

GOOD, BAD, ALARM, DIM = "$text-success", "bold $text-error", "bold white on $error", "dim"

CODE = "#ffffff on #000000"
"""A code is dark on light, whatever the terminal's own colours are."""

_WAITS = {
    "idle": "waits for a visitor",
    "scanned": "somebody has scanned, and is being warned",
    "warned": "the warning was rendered; the button waits",
    "dispensing": "a drink is on its way",
}


def time(at_ms: int) -> str:
    """``at_ms`` since the beginning: 0:12.345, or 1:00:12.345."""
    hours, minutes, seconds = at_ms // 3_600_000, at_ms // 60_000 % 60, at_ms // 1_000 % 60
    rest = f"{seconds:02}.{at_ms % 1_000:03}"
    return f"{hours}:{minutes:02}:{rest}" if hours else f"{minutes}:{rest}"


def head(view: View, url: str) -> Content:
    """The line on top: which machine, how its time goes, and where its panel is."""
    look, hello = view.look, view.hello
    replay = "" if hello["replay"] is None else f" of {time(hello['replay']['end_ms'])}, a replay"
    crowd = f" · {look['per_hour']:g} visitors/h" if look["per_hour"] else ""
    return Content.assemble(
        (" SIMULATED ", ALARM),
        f" {hello['name']} · {hello['dialect']} · ",
        (time(look["now_ms"]), "bold"),
        f"{replay} · {_pace(look)}{crowd} · {url}/sim",
    )


def _pace(look: Mapping[str, Any]) -> str:
    if look["paused"]:
        return "stands still"
    return f"×{look['speed']:g}" if look["speed"] else "fastest"


def screen(view: View, url: str, width: int, height: int) -> Content:
    """The machine's own screen, with its code if that fits."""
    status = view.status
    if status is None:
        return Content.assemble("\n", ("No power", "bold"), "\n\nNobody runs the controller.")
    if not view.look["scan"]:
        return _face(status)
    address = scan_url(url, status.token)
    rows = _code(address)
    if len(rows) > height or len(rows[0]) > width:
        return Content.assemble(
            f"{EN.screen_ready}\n\nThe code needs more room; it says:\n{address}"
        )
    code = Content.styled("\n".join(rows), CODE)
    room = height - len(rows) > len(address) // width + 1
    return Content.assemble(code, f"\n\n{address}") if room else code


@lru_cache(maxsize=4)
def _code(address: str) -> list[str]:
    """The code of ``address``, row by row."""
    return qr.text(address).splitlines()


def _face(status: Status) -> Content:
    """What the screen says while there is nothing to scan."""
    name = f"screen_{pages.face(status)}"
    zh, en = (getattr(words, name).replace("\u200b", "") for words in (ZH, EN))
    why = (f"\n\n{EN.out_of_service[status.reason]}",) if status.reason else ()
    return Content.assemble("\n", (zh, "bold"), "\n\n", (en, "bold"), *why)


def state(view: View) -> Content:
    """The machine's state, and why."""
    look = view.look
    if look["state"] is None:
        return Content.assemble(("off", BAD), f": {look['detail']}")
    if look["state"] in _WAITS:
        return Content.assemble((look["state"], "bold"), f": {_WAITS[look['state']]}")
    reason = look["reason"].replace("_", " ")
    detail = f"; {look['detail']}" if look["detail"] else ""
    return Content.assemble(("out of service", BAD), f": {reason}{detail}")


def deadlines(view: View) -> Content:
    """What is due, the next first."""
    now_ms = view.look["now_ms"]
    due = sorted(view.look["deadlines"], key=lambda each: int(each["at_ms"]))
    return _lines(
        Content.assemble(
            (f"in {max(0, each['at_ms'] - now_ms) / 1_000:.1f} s ", "bold"), each["name"]
        )
        for each in due
    )


def slots(view: View) -> Content:
    """What is left in each, whether its coil is energised, and the drop sensor."""
    look = view.look
    lines = [
        _slot(slot, look["left"].get(slot["name"], 0), look["faults"].get(slot["name"], ""), on)
        for slot, on in zip(view.hello["slots"], look["coils"], strict=True)
    ]
    if view.hello["sensor"] != "none":
        told = ("beam broken", BAD) if look["beam"] else ("beam free", DIM)
        lines.append(Content.assemble("sensor   ", told))
    return _lines(lines)


def _slot(slot: Mapping[str, Any], left: int, fault: str, on: bool) -> Content:
    many = min(slot["capacity"], CANS)
    full = -(-left * many // slot["capacity"])
    coil = ("coil ON ", "bold reverse $text-warning") if on else ("coil off", DIM)
    return Content.assemble(
        f"{slot['name'][:8]:8} ",
        coil,
        f" {left:2}/{slot['capacity']:<2} ",
        (f"out of use: {fault}", BAD) if fault else ("▮" * full + "▯" * (many - full), DIM),
    )


def broken(view: View) -> Content:
    """What a hand has broken."""
    names = view.look["broken"]
    titles = {each["name"]: each["title"] for each in view.hello["breakages"]}
    if not names:
        return Content.styled("nothing is broken", DIM)
    told = ", ".join(titles.get(name, name).lower() for name in names)
    return Content.assemble(("broken: ", BAD), told)


def lights(view: View) -> Content:
    """Each safety rule, and the first that is violated."""
    violations = view.look["violations"]
    row = Content(" ").join(
        Content.styled(f"✗{name}", ALARM)
        if name in violations
        else Content.styled(f"✓{name}", GOOD)
        for name in view.hello["rules"]
    )
    told = (Content.styled(violation, BAD) for violation in violations.values())
    return _lines([row, *islice(told, 1)])


def rules(view: View) -> Content:
    """Each safety rule in a sentence, or what violates it."""
    violations = view.look["violations"]
    return _lines(
        Content.assemble(
            (f"✗ {name} ", ALARM), (f" {violations[name].removeprefix(name).strip()}", BAD)
        )
        if name in violations
        else Content.assemble((f"✓ {name} ", GOOD), (meaning, DIM))
        for name, meaning in view.hello["rules"].items()
    )


def frames(view: View) -> list[Content]:
    """What went over the wire."""
    return [_frame(item) for item in view.news if item["lane"] == "wire"]


def _frame(item: Mapping[str, Any]) -> Content:
    at = (f"{time(item['at_ms'])} ", DIM)
    if "hex" not in item:
        return Content.assemble(at, (item["words"], "italic"))
    way = ("→ ", "bold $text-accent") if item["to_board"] else ("← ", "bold $text-secondary")
    return Content.assemble(at, way, item["words"], "  ", (item["hex"], DIM))


def seen(view: View) -> list[Content]:
    """What else was to be seen."""
    return [
        Content.assemble((f"{time(item['at_ms'])} ", DIM), _words(item))
        for item in view.news
        if item["lane"] != "wire"
    ]


def title(view: View) -> str:
    """That of what was seen, with how much came too fast."""
    return f"seen, and {view.skipped:,} more, too fast to show" if view.skipped else "seen"


def _words(item: Mapping[str, Any]) -> str:
    return f"visitor {item['words']}" if item["lane"] == "visitor" else str(item["words"])


def _lines(lines: Iterable[Content]) -> Content:
    return Content("\n").join(lines)
