"""The scan code as a picture, and as text for a terminal."""

import io
from functools import lru_cache
from typing import Any

import qrcode
from qrcode.constants import ERROR_CORRECT_M
from qrcode.image.svg import SvgPathFillImage


@lru_cache(maxsize=4)
def svg(url: str) -> bytes:
    """``url`` as an SVG: one path on white, with the quiet zone that ISO/IEC 18004 asks for."""
    code = _code(url)
    out = io.BytesIO()
    code.make_image(image_factory=SvgPathFillImage).save(out)
    return out.getvalue()


def text(url: str) -> str:
    """``url`` in half-block characters, dark on light whatever the terminal's colours."""
    out = io.StringIO()
    _code(url).print_ascii(out, invert=True)
    return out.getvalue()


def _code(url: str) -> Any:
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=4)
    code.add_data(url)
    code.make(fit=True)
    return code
