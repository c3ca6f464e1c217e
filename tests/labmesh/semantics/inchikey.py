"""InChIKey from a standard InChI: the key by which chemicals are compared.

The method is that of the InChI Technical Manual (IUPAC and InChI Trust, appendix on InChIKey):
SHA-256 of the layers, written in letters. Upstream has the InChI of its substances, not the keys.
"""

from __future__ import annotations

from hashlib import sha256
from itertools import product
from string import ascii_uppercase
from typing import Final

_START: Final = "InChI=1S/"
_MAJOR: Final = "chq"
"""Layers of the first block, after the formula: connections, hydrogen atoms, charge."""

_TRIPLETS: Final = [
    text
    for text in map("".join, product(ascii_uppercase, repeat=3))
    if not text.startswith("E") and not "TAA" <= text <= "TTV"
]
_PAIRS: Final = list(map("".join, product(ascii_uppercase, repeat=2)))


def inchikey(inchi: str) -> str:
    """Return the InChIKey of a standard InChI.

    Raises:
        ValueError: It is no standard InChI.
    """
    if not inchi.startswith(_START):
        raise ValueError(f"{inchi!r} is no standard InChI")
    formula, *layers = inchi.removeprefix(_START).split("/")
    # Protons added or taken away are no part of the hashes but the last letter: N for none.
    protons = sum(int(layer[1:]) for layer in layers if layer.startswith("p"))
    layers = [layer for layer in layers if not layer.startswith("p")]
    cut = next((n for n, layer in enumerate(layers) if layer[0] not in _MAJOR), len(layers))
    major = "/".join([formula, *layers[:cut]])
    minor = "".join(f"/{layer}" for layer in layers[cut:])
    return f"{_letters(major, 4)}-{_letters(minor * 2, 2)}SA-{chr(ord('N') + protons)}"


def _letters(layers: str, triplets: int) -> str:
    """Return ``triplets`` times 14 bits of the hash in three letters each, and 9 bits in two."""
    number = int.from_bytes(sha256(layers.encode()).digest(), "little")
    words = [_TRIPLETS[number >> (14 * n) & 0x3FFF] for n in range(triplets)]
    return "".join(words) + _PAIRS[number >> (14 * triplets) & 0x1FF]
