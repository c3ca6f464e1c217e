# mypy: ignore-errors
"""Runs a real InvenioRDM; by the Python of .venv-invenio, which alone has its packages.

``python invenio_server.py FOLDER PORT`` with SQLALCHEMY, REDIS and SEARCH in its environment. It
makes its tables, five small vocabularies, two users and their tokens, two communities, writes them
to FOLDER/ready.json, and serves the REST API at ``/`` (links say ``/api``).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

FOLDER, PORT = Path(sys.argv[1]), int(sys.argv[2])
os.environ["INVENIO_INSTANCE_PATH"] = str(FOLDER)

from flask_security.utils import hash_password  # noqa: E402
from invenio_access.permissions import system_identity  # noqa: E402
from invenio_app.factory import create_api  # noqa: E402
from invenio_db import db  # noqa: E402

REDIS = os.environ["REDIS"]
SETTINGS = {
    "SQLALCHEMY_DATABASE_URI": os.environ["SQLALCHEMY"],
    "SEARCH_HOSTS": [{"host": "127.0.0.1", "port": int(os.environ["SEARCH"])}],
    "SECRET_KEY": "of a rig that lives for minutes",
    "CACHE_REDIS_URL": f"{REDIS}/0",
    "ACCOUNTS_SESSION_REDIS_URL": f"{REDIS}/1",
    "CELERY_RESULT_BACKEND": "cache",
    "CELERY_CACHE_BACKEND": "memory",
    "CELERY_TASK_ALWAYS_EAGER": True,
    "CELERY_TASK_EAGER_PROPAGATES": False,
    "BROKER_URL": "memory://",
    "CELERY_BROKER_URL": "memory://",
    "RATELIMIT_STORAGE_URI": f"{REDIS}/3",
    "RATELIMIT_STORAGE_URL": f"{REDIS}/3",
    "IIIF_CACHE_REDIS_URL": f"{REDIS}/0",
    "COMMUNITIES_IDENTITIES_CACHE_REDIS_URL": f"{REDIS}/4",
    "APP_ENABLE_SECURE_HEADERS": False,  # they send whoever comes by http to https
    "DATACITE_ENABLED": False,
    "MAIL_SUPPRESS_SEND": True,
    "SITE_UI_URL": "https://archive.example.org",
    "SITE_API_URL": "https://archive.example.org/api",
    "RATELIMIT_ENABLED": False,
}

VOCABULARIES = {
    "resourcetypes": ("rsrct", [
        {"id": "dataset", "title": {"en": "Dataset"}, "tags": ["depositable", "linkable"],
         "props": {"csl": "dataset", "datacite_general": "Dataset", "datacite_type": "",
                   "openaire_resourceType": "0021", "openaire_type": "dataset", "eurepo": "",
                   "schema.org": "https://schema.org/Dataset", "subtype": "", "type": "dataset",
                   "marc21_type": "dataset", "marc21_subtype": ""}}]),
    "licenses": ("lic", [
        {"id": "cc-by-4.0", "title": {"en": "CC BY 4.0"},
         "props": {"url": "https://creativecommons.org/licenses/by/4.0/", "scheme": "spdx"}}]),
    "languages": ("lng", [{"id": "eng", "title": {"en": "English"}}]),
    "relationtypes": ("rlt", [
        {"id": "references", "title": {"en": "References"}, "props": {"datacite": "References"}}]),
    "contributorsroles": ("cor", [
        {"id": "contactperson", "title": {"en": "Contact person"},
         "props": {"datacite": "ContactPerson", "marc": "prc"}}]),
}  # fmt: skip


def fill() -> dict[str, str]:
    """Make what an empty InvenioRDM lacks; return tokens and communities."""
    from invenio_access.permissions import authenticated_user
    from invenio_access.utils import get_identity
    from invenio_accounts.proxies import current_datastore
    from invenio_communities.proxies import current_communities
    from invenio_files_rest.models import Location
    from invenio_oauth2server.models import Token
    from invenio_vocabularies.proxies import current_service

    db.create_all()
    db.session.add(Location(name="default", uri=str(FOLDER / "files"), default=True))
    for name, (pid_type, entries) in VOCABULARIES.items():
        current_service.create_type(system_identity, name, pid_type)
        for entry in entries:
            current_service.create(system_identity, {**entry, "type": name})
    said = {}
    for name in ("lab", "curator"):
        user = current_datastore.create_user(
            email=f"{name}@example.org", password=hash_password("rig-" + name), active=True,
        )  # fmt: skip
        db.session.commit()
        scopes = ["user:email"]
        token = Token.create_personal("rig", user.id, scopes=scopes, is_internal=True)
        said[name] = token.access_token
        db.session.commit()
        if name == "curator":
            identity = get_identity(user)
            identity.provides.add(authenticated_user)
            for slug, policy in (("open", "open"), ("closed", "closed")):
                made = current_communities.service.create(identity, {
                    "slug": slug, "metadata": {"title": slug},
                    "access": {"visibility": "public", "review_policy": policy,
                               "record_submission_policy": "open"},
                })  # fmt: skip
                said[slug] = made.id
    db.session.commit()
    return said


def main() -> None:
    """Serve for ever."""
    app = create_api(**SETTINGS)
    with app.app_context():
        said = fill()
    (FOLDER / "ready.new").write_text(json.dumps(said))
    (FOLDER / "ready.new").rename(FOLDER / "ready.json")
    from werkzeug.serving import make_server

    make_server("127.0.0.1", PORT, app, threaded=True).serve_forever()


main()
