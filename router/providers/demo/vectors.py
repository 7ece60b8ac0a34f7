"""The demo's embeddings and pictures: always the same for the same input, and plainly not of a model."""

from __future__ import annotations

import base64
import math
import random
import struct
import zlib

from router.faults import bad_request

DIMENSIONS = 64
MAX_INPUTS = 256
MAX_DIMENSIONS = 4096
MAX_NUMBERS = 65_536


def refuse_too_much(count: int, dimensions: int | None) -> None:
    """The demo works on the event loop, so its work is bounded. Raises `Fault` bad_request."""
    if count > MAX_INPUTS:
        raise bad_request(f"The demo takes at most {MAX_INPUTS} inputs or pictures at once.", "input")
    if dimensions is not None and dimensions > MAX_DIMENSIONS:
        raise bad_request(f"The demo's vectors have at most {MAX_DIMENSIONS} dimensions.", "dimensions")
    if count * (dimensions or DIMENSIONS) > MAX_NUMBERS:
        raise bad_request(f"The demo gives at most {MAX_NUMBERS} numbers at once: send fewer inputs.", "input")


def vector(entry: str | tuple[int, ...], dimensions: int | None) -> tuple[float, ...]:
    """A vector of length 1 drawn from the input's own hash."""
    seed = entry if isinstance(entry, str) else ",".join(map(str, entry))
    chance = random.Random(f"switchyard demo {seed}")  # noqa: S311  dummy data, not a secret
    values = [chance.uniform(-1.0, 1.0) for _ in range(dimensions or DIMENSIONS)]
    length = math.sqrt(math.fsum(value * value for value in values))
    return tuple(value / length for value in values)


def picture(prompt: str) -> str:
    """A PNG of one coloured pixel, in base64. The colour follows from the prompt."""
    colour = zlib.crc32(prompt.encode("utf-8", "surrogatepass")).to_bytes(4, "big")[:3]
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\0" + colour)
    png = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixel) + _chunk(b"IEND", b"")
    return base64.b64encode(png).decode("ascii")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
