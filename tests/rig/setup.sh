#!/bin/sh
# Installs a real InvenioRDM for the slow tests, in .venv-invenio of this checkout (1.5 GB, some
# minutes), and says which of its servers are missing.
# Usage: tests/rig/setup.sh
# uv resolves its 300 packages in seconds; pip had not finished after 20 minutes.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
cd "$root"
to=.venv-invenio

if ! $to/bin/python -c 'import invenio_app_rdm' 2>/dev/null; then
    rm -rf "$to"
    "${PYTHON:-python3}" -m venv "$to"
    $to/bin/python -m pip install --disable-pip-version-check -q uv
    $to/bin/uv pip install --python $to/bin/python "invenio-app-rdm[opensearch2]==14.0.5"
fi
for program in postgres redis-server; do
    command -v $program >/dev/null || [ -n "$(ls /usr/lib/postgresql/*/bin/$program 2>/dev/null)" ] ||
        { echo "$program is missing (Debian: apt-get install postgresql redis-server)" >&2; exit 1; }
done
echo "InvenioRDM is in $to; run: make test-slow, or pytest tests/rig -m slow"
