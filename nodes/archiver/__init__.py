"""The archiver node: gives a campaign's crate to an archive, again whenever there is more of it.

Importing this writes no crate and imports nothing that could.
"""

from __future__ import annotations

from nodes.archiver._node import ArchiverNode
from nodes.archiver._parameters import ArchiverParameters

__all__ = ["ArchiverNode", "ArchiverParameters"]
