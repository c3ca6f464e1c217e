"""A real InvenioRDM for slow tests: `setup.sh` installs it once, `InvenioRig` runs it."""

from __future__ import annotations

from tests.rig._rig import InvenioRig, invenio_python

__all__ = ["InvenioRig", "invenio_python"]
