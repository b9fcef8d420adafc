"""Figures: what the simulator's panel costs, how soon it is there, and how it bears a crowd.

The panel is open in Debian's chromium, as somebody has it who plays.
"""

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, sync_playwright

from bench.config import written
from bench.program import QUENCH, Program, running
from bench.report import Row

PANEL = r"^The panel to play with it: (\S+)$"
IDLE_S = 10.0
MOST_IDLE = 0.05
FRAMES_PER_S = 1_000
ANSWERS = 15
MOST_ANSWER_S = 0.5
MOST_START_S = 1.5
STARTS = 7
PER_HOUR = 60
DAY_MS = 86_400_000
MOST_GROWTH = 1.1
PATIENCE_MS = 180_000


def measure(folder: Path) -> list[Row]:
    config = written(folder, folder / "nowhere")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900}, bypass_csp=True)
        page.set_default_timeout(PATIENCE_MS)
        rows = [_start(config), _idle(config, page), _busy(config, page), _long(config, page)]
        browser.close()
    return rows


def _start(config: Path) -> Row:
    spans = sorted(_usable_s(config) for _ in range(STARTS))
    median_s = statistics.median(spans)
    return Row(
        figure="Start to a usable panel",
        ours=f"{median_s:.2f} s",
        baseline="1.5 s",
        bare=f"{MOST_START_S} s",
        ratio=median_s / MOST_START_S,
        target="at most 1",
        met=median_s <= MOST_START_S,
        how="From spawning `quench sim` to the panel's first answer that the machine is idle."
        f" Median of {STARTS} starts.",
    )


def _usable_s(config: Path) -> float:
    began_s = time.perf_counter()
    with running(QUENCH, "sim", "--config", config, "--port", "0") as program:
        url = program.wait_for(PANEL).group(1)
        with httpx.Client() as http:
            while http.get(f"{url}/news").json()["look"]["state"] != "idle":
                time.sleep(0.005)
        return time.perf_counter() - began_s


def _idle(config: Path, page: Page) -> Row:
    with _simulator(config, page) as (program, _):
        share = _share(program)
    return Row(
        figure="An idle panel, at ×1",
        ours=f"{share * 100:.1f} % of a core",
        baseline="one core",
        bare="100 %",
        ratio=share,
        target=f"under {MOST_IDLE}",
        met=share < MOST_IDLE,
        how="Processor time of `quench sim`, user and system, while one panel is open in chromium"
        f" and nobody does anything, over {IDLE_S:g} s.",
    )


def _busy(config: Path, page: Page) -> Row:
    with _simulator(config, page) as (program, url):
        page.select_option("#dialect", "numato")
        page.wait_for_function("document.getElementById('name').textContent.includes('numato')")
        httpx.post(f"{url}/do", json={"do": "speed", "x": FRAMES_PER_S / 2})
        frames = _frames_per_s(url)
        spans = [_paused_s(page) for _ in range(ANSWERS)]
        share = _share(program)
    median_s = statistics.median(spans)
    return Row(
        figure=f"A click at {FRAMES_PER_S:,} frames a second",
        ours=f"{median_s * 1_000:.0f} ms",
        baseline="half a second",
        bare=f"{MOST_ANSWER_S * 1_000:.0f} ms",
        ratio=median_s / MOST_ANSWER_S,
        target=f"at most 1, at {FRAMES_PER_S:,} frames a second or more",
        met=median_s <= MOST_ANSWER_S and frames >= FRAMES_PER_S * 0.95,
        how=f"A `numato` board is polled at ×{FRAMES_PER_S // 2}: {frames:,.0f} frames a second"
        " went over the wire. From the click on Pause, in chromium, to the panel saying that time"
        f" stands still; median of {ANSWERS}, the longest {max(spans) * 1_000:.0f} ms."
        f" The simulator itself took {share * 100:.0f} % of a core meanwhile.",
    )


def _long(config: Path, page: Page) -> Row:
    with _simulator(config, page) as (_, url):
        httpx.post(f"{url}/do", json={"do": "crowd", "per_hour": PER_HOUR})
        httpx.post(f"{url}/do", json={"do": "speed", "x": 0})
        early, nodes_early = _heap_at(page, url, 1)
        late, nodes_late = _heap_at(page, url, 10)
        drinks = _look(url)["counts"]["drinks"]
    return Row(
        figure="The browser's memory, after ten virtual days",
        ours=f"{late / 1e6:.1f} MB, {nodes_late:,} nodes",
        baseline="the same after one day",
        bare=f"{early / 1e6:.1f} MB, {nodes_early:,} nodes",
        ratio=late / early,
        target=f"at most {MOST_GROWTH}",
        met=late <= MOST_GROWTH * early,
        how=f"JavaScript's heap of the open panel, after a garbage collection, as fast as it goes"
        f" with {PER_HOUR} visitors an hour: {drinks:,} drinks in ten days.",
    )


@contextmanager
def _simulator(config: Path, page: Page) -> Iterator[tuple[Program, str]]:
    with running(QUENCH, "sim", "--config", config, "--port", "0", "--seed", "1") as program:
        url = program.wait_for(PANEL).group(1)
        page.goto(url)
        page.wait_for_selector(".slot")
        yield program, url
        page.goto("about:blank")


def _share(program: Program) -> float:
    """How much of a core it uses."""
    before_s, began_s = _used_s(program), time.perf_counter()
    time.sleep(IDLE_S)
    return (_used_s(program) - before_s) / (time.perf_counter() - began_s)


def _used_s(program: Program) -> float:
    fields = Path(f"/proc/{program.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _frames_per_s(url: str) -> float:
    before, began_s = _look(url)["counts"]["frames"], time.perf_counter()
    time.sleep(IDLE_S / 2)
    return float((_look(url)["counts"]["frames"] - before) / (time.perf_counter() - began_s))


def _paused_s(page: Page) -> float:
    """From the click to the panel's answer, measured in the page; then time goes on."""
    span_ms = page.evaluate(
        """() => new Promise((done) => {
          const pace = document.getElementById("pace"), button = document.getElementById("pause");
          const began = performance.now();
          new MutationObserver((_, observer) => {
            if (pace.textContent !== "stands still") return;
            observer.disconnect();
            done(performance.now() - began);
          }).observe(pace, { childList: true, characterData: true, subtree: true });
          button.click();
        })"""
    )
    page.click("#pause")
    page.wait_for_function("document.getElementById('pace').textContent !== 'stands still'")
    return float(span_ms) / 1_000


def _look(url: str) -> dict[str, Any]:
    look: dict[str, Any] = httpx.get(f"{url}/news", timeout=60).json()["look"]
    return look


def _heap_at(page: Page, url: str, days: int) -> tuple[float, int]:
    """Bytes and nodes, once so many days are over."""
    while _look(url)["now_ms"] < days * DAY_MS:
        time.sleep(0.2)
    page.wait_for_function(f"parseInt(document.getElementById('clock').textContent) >= {days}")
    session = page.context.new_cdp_session(page)
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    used: float = session.send("Runtime.getHeapUsage")["usedSize"]
    nodes: int = session.send("Memory.getDOMCounters")["nodes"]
    session.detach()
    return used, nodes
