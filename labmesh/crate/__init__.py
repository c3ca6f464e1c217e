"""A campaign as an RO-Crate: everything a stranger needs, in one folder or one ``.eln`` file."""

from labmesh.crate._check import check_crate
from labmesh.crate._description import (
    Affiliation,
    Author,
    Contact,
    CrateDescription,
    Embargo,
    Owner,
    Reference,
    description_schema,
)
from labmesh.crate._description_file import read_description
from labmesh.crate._head import campaign_head
from labmesh.crate._import import write_ledger
from labmesh.crate._licences import Licence, licences
from labmesh.crate._media import is_open
from labmesh.crate._record import crate_record
from labmesh.crate._types import CrateFile, CrateSummary, Finding
from labmesh.crate._write import write_crate
from labmesh.crate._zip import opened_crate, zip_crate

__all__ = [
    "Affiliation",
    "Author",
    "Contact",
    "CrateDescription",
    "CrateFile",
    "CrateSummary",
    "Embargo",
    "Finding",
    "Licence",
    "Owner",
    "Reference",
    "campaign_head",
    "check_crate",
    "crate_record",
    "description_schema",
    "is_open",
    "licences",
    "opened_crate",
    "read_description",
    "write_crate",
    "write_ledger",
    "zip_crate",
]
