"""Figure: the warning page under load, against a bare application that returns the same bytes.

The server is ``quench run`` with an emulated board on a pty; the page is the one with
the button, of the code that is on the screen, so each answer is made for its visitor: found in the
visits, marked, drawn, counted.
"""

import json
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from bench import wrk
from bench.config import written
from bench.phone import Phone
from bench.program import PYTHON, QUENCH, READY, running
from bench.report import Row
from bench.rounds import alternate

LEAST_RATIO = 0.7
MOST_P99_MS = 100

ROUNDS = 7
ROUND_S = 2

_ASIDE = {"date", "server"}
"""Headers that the server writes, not the application."""


def measure(folder: Path) -> list[Row]:
    wrk.require()
    board = folder / "board"
    config = written(
        folder, str(board), scan_timeout_ms=300_000, confirm_timeout_ms=600_000
    )  # so that the code stays the current one
    with (
        running(QUENCH, "board", "lcus", "--link", board) as link,
        running(QUENCH, "run", "--config", config) as controller,
    ):
        link.wait_for("^quench: lcus board")
        machine = controller.wait_for(READY).group(1)
        with closing(Phone(machine)) as phone:
            url = machine + phone.scan()
        headers, body = _fetch(url)
        _keep(folder, headers, body)
        with running(PYTHON, "-m", "bench.bare_page", folder) as bare:
            bare_url = bare.wait_for(READY).group(1) + urlsplit(url).path
            _assert_alike(_fetch(bare_url), (headers, body))
            rows = _compare(url, bare_url, len(body))
        _assert_form(_fetch(url)[1])
    return rows


def _compare(url: str, bare_url: str, size: int) -> list[Row]:
    p99s_ms: dict[str, list[float]] = {url: [], bare_url: []}

    def load(of: str) -> float:
        found = wrk.load(of, ROUND_S)
        p99s_ms[of].append(found.p99_ms)
        return found.requests_per_s

    rates = alternate(ROUNDS, lambda: load(url), lambda: load(bare_url))
    ours_ms, bare_ms = (p99s_ms[of][-ROUNDS:] for of in (url, bare_url))
    how = (
        f"`wrk`, {wrk.CONNECTIONS} connections that stay open, {ROUNDS} rounds of {ROUND_S} s each"
        " in turn, medians."
    )
    baseline = "bare Starlette + uvicorn"
    return [
        Row(
            figure="Warning page, requests per second",
            ours=f"{rates.our_median:,.0f}/s",
            baseline=baseline,
            bare=f"{rates.bare_median:,.0f}/s",
            ratio=rates.ratio,
            target=f"at least {LEAST_RATIO}",
            met=rates.ratio >= LEAST_RATIO,
            how=f"{how} `quench run` serves the page with the button, {size:,} bytes, made for each"
            " visitor; the baseline returns one such page, with the same headers and options of"
            " uvicorn, from memory.",
        ),
        Row(
            figure="Warning page, 99th percentile",
            ours=f"{median(ours_ms):.1f} ms",
            baseline=baseline,
            bare=f"{median(bare_ms):.1f} ms",
            ratio=median(ours / bare for ours, bare in zip(ours_ms, bare_ms, strict=True)),
            target=f"under {MOST_P99_MS} ms",
            met=median(ours_ms) < MOST_P99_MS,
            how=f"The latency that one request in a hundred exceeds, in the same rounds; the worst"
            f" round had {max(ours_ms):.1f} ms.",
        ),
    ]


def _fetch(url: str) -> tuple[dict[str, str], bytes]:
    """Headers (but those of the server) and body of a page that is served with 200."""
    parts = urlsplit(url)
    http = HTTPConnection(parts.netloc, timeout=10)
    try:
        http.request("GET", parts.path)
        answer = http.getresponse()
        assert answer.status == 200, f"{url}: {answer.status}"
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return {name: headers[name] for name in headers if name not in _ASIDE}, answer.read()
    finally:
        http.close()


def _keep(folder: Path, headers: dict[str, str], body: bytes) -> None:
    _assert_form(body)
    (folder / "body").write_bytes(body)
    (folder / "headers.json").write_text(json.dumps(headers), encoding="utf-8")


def _assert_alike(bare: tuple[dict[str, str], bytes], ours: tuple[dict[str, str], bytes]) -> None:
    assert bare == ours, f"the baseline answers otherwise: {bare[0]} instead of {ours[0]}"


def _assert_form(body: bytes) -> None:
    assert b'<form method="post"' in body, "the page has no button: the code is not the current one"
