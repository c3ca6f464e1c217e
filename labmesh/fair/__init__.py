"""Is a campaign FAIR? The 28 requirements of BIG-MAP, each a check over its record."""

from labmesh.fair._check import check_fair
from labmesh.fair._requirements import REQUIREMENTS
from labmesh.fair._types import Answer, Requirement, Verdict

__all__ = ["REQUIREMENTS", "Answer", "Requirement", "Verdict", "check_fair"]
