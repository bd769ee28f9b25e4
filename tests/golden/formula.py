"""Pseudo-random numbers that any language computes to the last bit, so that golden files need not hold weights.

hash64(name): FNV-1a, 64 bits, over the UTF-8 bytes of the name.
u(name, i):   z = hash64(name) + (i + 1) * 0x9E3779B97F4A7C15 (mod 2^64), then splitmix64's finaliser;
              (z >> 40) / 2^23 - 1, a multiple of 2^-23 in [-1, 1), exact in float32.

Imported by the scripts beside it; needs numpy.
"""

import numpy as np

WORD = (1 << 64) - 1


def hash64(name: str) -> int:
    value = 0xCBF29CE484222325
    for byte in name.encode("utf-8"):
        value = ((value ^ byte) * 0x100000001B3) & WORD
    return value


def u(name: str, count: int) -> np.ndarray:
    """u(name, 0) to u(name, count - 1), as float64."""
    index = np.arange(1, count + 1, dtype=np.uint64)
    # numpy's uint64 arrays wrap around silently, which is the arithmetic modulo 2^64 wanted here.
    z = np.array([hash64(name)], dtype=np.uint64) + index * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2.0**23 - 1.0
