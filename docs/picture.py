"""The pictures of the README, from the real thing: ``make picture``.

Starts ``quench sim``, opens its screen and the page behind its code in
Chromium, and sets both side by side; then plays in its panel. Chinese needs a
font (Debian: fonts-noto-cjk).
"""

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
GAP = 48
BEZEL = 14


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        text = (HERE.parent / "config.yaml").read_text(encoding="utf-8")
        config.write_text(text.replace("0.0.0.0", "127.0.0.1"), encoding="utf-8")
        command = [sys.executable, "-m", "controller.cli", "sim", "--config", config, "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sim:
            try:
                url, code = read(sim)
                screen, phone = photograph(url, code)
                panel = play(url)
            finally:
                sim.terminate()
    compose(screen, phone).save(HERE / "picture.png", optimize=True)
    panel.quantize(192).save(HERE / "panel.png", optimize=True)


def read(sim: subprocess.Popen[str]) -> tuple[str, str]:
    """The screen's URL and the scan code's, from what the simulator prints."""
    said = ""
    assert sim.stdout is not None
    for line in sim.stdout:
        said += line
        if "ready at" in line:
            break
    url = re.search(r"ready at (\S+)", said)
    code = re.search(r"or open (\S+)", said)
    assert url, said
    assert code, said
    return url.group(1), code.group(1)


def photograph(url: str, code: str) -> tuple[Image.Image, Image.Image]:
    """The screen before the visit, and the phone."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        screen = browser.new_page(viewport={"width": 800, "height": 480}, device_scale_factor=1.5)
        screen.goto(url)
        screen.wait_for_function("document.getElementById('qr').naturalWidth > 0")
        left = screen.screenshot()
        phone = browser.new_page(viewport={"width": 390, "height": 880}, locale="en-GB")
        phone.goto(code)
        phone.wait_for_selector("#go:enabled")
        right = phone.screenshot()
        browser.close()
    return Image.open(io.BytesIO(left)), Image.open(io.BytesIO(right))


def play(url: str) -> Image.Image:
    """The panel, just after a can fell."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
        page.goto(f"{url}/sim")
        page.click("#anew")
        page.click("#scan:enabled")
        page.frame_locator("#phone-1").locator("#go:enabled").click()
        page.wait_for_selector("#fell:not(:empty)")
        page.frame_locator("#phone-1").get_by_text("Enjoy").wait_for()
        shot = page.screenshot()
        browser.close()
    return Image.open(io.BytesIO(shot)).convert("RGB")


def compose(screen: Image.Image, phone: Image.Image) -> Image.Image:
    """Both in a dark frame, side by side on white."""
    framed = [frame(screen, 18), frame(phone, 36)]
    width = sum(each.width for each in framed) + 3 * GAP
    height = max(each.height for each in framed) + 2 * GAP
    picture = Image.new("RGB", (width, height), "white")
    x = GAP
    for each in framed:
        picture.paste(each, (x, (height - each.height) // 2), each)
        x += each.width + GAP
    return picture.quantize(128)


def frame(shot: Image.Image, radius: int) -> Image.Image:
    """``shot`` with rounded corners in a bezel."""
    size = (shot.width + 2 * BEZEL, shot.height + 2 * BEZEL)
    framed = Image.new("RGBA", size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(framed)
    pen.rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), radius + BEZEL, fill="#20242a")
    mask = Image.new("L", shot.size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, *shot.size), radius, fill=255)
    framed.paste(shot, (BEZEL, BEZEL), mask)
    return framed


if __name__ == "__main__":
    main()
