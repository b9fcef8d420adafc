"""Reads a QR code that we drew, with a reader that we did not write."""

import re

import zxingcpp
from PIL import Image, ImageDraw

_PIXELS = 6
_MODULE = re.compile(r"M([\d.]+),([\d.]+)H([\d.]+)V([\d.]+)H[\d.]+z")


def scan_svg(svg: str) -> str:
    """The text in an SVG whose path is made of filled rectangles."""
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert box, svg[:200]
    size = int(float(box.group(1)) * _PIXELS)
    picture = Image.new("L", (size, size), 255)
    pen = ImageDraw.Draw(picture)
    for found in _MODULE.finditer(svg):
        left, top, right, bottom = (round(float(edge) * _PIXELS) for edge in found.groups())
        pen.rectangle((left, top, right - 1, bottom - 1), fill=0)
    (code,) = zxingcpp.read_barcodes(picture)
    return code.text


def scan_text(shown: str) -> str:
    """The text in a code that is drawn with half blocks, somewhere in what a terminal shows."""
    rows = shown.splitlines()
    picture = Image.new("L", (max(map(len, rows)) * _PIXELS, len(rows) * 2 * _PIXELS), 0)
    pen = ImageDraw.Draw(picture)
    for y, row in enumerate(rows):
        for x, block in enumerate(row):
            for half, blocks in enumerate(("█▀", "█▄")):
                if block in blocks:
                    left, top = x * _PIXELS, (2 * y + half) * _PIXELS
                    pen.rectangle((left, top, left + _PIXELS - 1, top + _PIXELS - 1), fill=255)
    (code,) = zxingcpp.read_barcodes(picture)
    return code.text
