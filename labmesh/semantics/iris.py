"""IRIs of what a ledger tells of: the same thing has the same one in every entry and every copy.

Names come into IRIs percent-encoded (RFC 3986) where they hold what an IRI may not.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote
from uuid import UUID

OWN: Final = "urn:labmesh:"
"""Beginning of every IRI that is no uuid."""

NO_IRI: Final = re.compile(r'[\x00-\x20<>"{}|^`\\]')
"""What an IRI may not hold (RFC 3987, as N-Triples has it)."""


def record(uuid: UUID | str) -> str:
    """Return the IRI of a request or a result: ``urn:uuid:{uuid}``."""
    return f"urn:uuid:{uuid}"


def entry(hash_: bytes) -> str:
    """Return the IRI of an entry of the journal, and of the graph that holds what it says."""
    return f"{OWN}entry:{hash_.hex()}"


def sample(id_: str) -> str:
    """Return the IRI of a sample."""
    return f"{OWN}sample:{safe(id_)}"


def sample_state(id_: str, number: int) -> str:
    """Return the IRI of a state of a sample, 0 at its birth."""
    return f"{sample(id_)}:state:{number}"


def node(name: str) -> str:
    """Return the IRI of a node, ``site/node``."""
    return f"{OWN}node:{':'.join(map(safe, name.split('/')))}"


def site(name: str) -> str:
    """Return the IRI of a site."""
    return f"{OWN}site:{safe(name)}"


def campaign(name: str) -> str:
    """Return the IRI of a campaign."""
    return f"{OWN}campaign:{safe(name)}"


def artifact(sha256: str) -> str:
    """Return the IRI of an artifact."""
    return f"{OWN}artifact:{safe(sha256)}"


def capability(quantity: str, method: str, version: int) -> str:
    """Return the IRI of a version of a capability."""
    return f"{OWN}capability:{safe(quantity)}:{safe(method)}:{version}"


def technique(quantity: str, method: str) -> str:
    """Return the IRI of a capability whatever its version: how something is found out."""
    return f"{OWN}capability:{safe(quantity)}:{safe(method)}"


def part(whole: str, *path: str | int) -> str:
    """Return the IRI of what is found at a path within the description of ``whole``."""
    steps = "/".join(safe(str(step)) for step in path)
    return f"{whole}/{steps}" if "#" in whole else f"{whole}#{steps}"


def safe(text: str) -> str:
    """Return a name as it stands within an IRI."""
    # A colon would look like one of ours: samples may have them in their names.
    return quote(text, safe="-._~")


def safe_path(text: str) -> str:
    """Return a name with slashes as it stands within an IRI."""
    return quote(text, safe="-._~/():;")


def protocol(digest: str) -> str:
    """Return the IRI of a frozen protocol, by its hash."""
    return f"{OWN}protocol:{safe(digest)}"
