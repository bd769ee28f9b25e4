"""Images for the tests beside it."""

from __future__ import annotations

import numpy


def sample(index: int, side: int) -> numpy.ndarray:
    random = numpy.random.default_rng(index)
    y, x = numpy.mgrid[:side, :side]
    pixels = 90 + 60 * numpy.sin(x / 9 + index) * numpy.cos(y / 13) + random.integers(0, 60, (side, side))
    return numpy.clip(pixels, 0, 255).astype(numpy.uint8)
