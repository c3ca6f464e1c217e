"""Runs in the environment of readers (`.venv-readers`), which has roc-validator and not Labmesh.

Reads a JSON object on standard input: ``crate``, ``profile``, ``severity``, ``contexts`` (URL to
file). roc-validator fetches the JSON-LD context that a crate names; its one way to the network is
replaced by those files, and whatever else it asks for is not there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from requests import Response
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester


def main() -> None:
    asked = json.load(sys.stdin)
    contexts = {url: Path(file).read_bytes() for url, file in asked["contexts"].items()}
    missed: list[str] = []

    def get(_self: Any, url: str, **_options: Any) -> Response:
        answer = Response()
        answer.url, answer.status_code = url, 200 if url in contexts else 504
        answer.headers["Content-Type"] = "application/ld+json"
        answer._content = contexts.get(url, b"")
        if url not in contexts:
            missed.append(url)
        return answer

    HttpRequester.get = get
    settings = services.ValidationSettings(
        rocrate_uri=asked["crate"],
        profile_identifier=asked["profile"],
        requirement_severity=models.Severity[asked["severity"]],
    )
    found = services.validate(settings)
    issues = [
        f"{each.severity.name} {each.check.identifier}: {each.message} [{each.violatingEntity}]"
        for each in found.get_issues()
    ]
    print(json.dumps({"passed": found.passed(), "issues": issues, "missed": missed}))


if __name__ == "__main__":
    main()
