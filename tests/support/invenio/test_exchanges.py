"""The server of the tests against what a real InvenioRDM answered, exchange by exchange."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from tests.support.invenio import TOKEN, InvenioServer, exchanges

_CONTENTS: Final = {
    "bb6cb5c68df4652941caf652a366f2d8": b'{"a":1}',
    "1cabf324ea0a5d083f50f4dbb392fe2e": b'{"b":2}',
    "7a2c83ab270a8cd0669aa3711006177d": b'{"b":3}',
    "7694f4a66316e53c8cdd9d9954bd611d": b"q",
}
"""What was uploaded, by its recorded md5."""

_TIMES: Final = ("created", "updated", "last_activity_at", "expires_at", "revision_id", "number")
"""Fields whose values are the recording's own; that they are there is compared."""

_ID = re.compile(
    r"\b[0-9a-hjkmnp-tv-z]{5}-[0-9a-hjkmnp-tv-z]{5}\b|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)


class Names:
    """Recorded ids and the server's own, each with the same word in its place."""

    def __init__(self) -> None:
        self.ours: dict[str, str] = {}

    def translated(self, value: Any) -> Any:
        """Return a recorded request with the server's ids."""
        words = json.dumps(value)
        for recorded, ours in self.ours.items():
            words = words.replace(recorded, ours)
        return json.loads(words)

    def learn(self, recorded: Any, ours: Any) -> None:
        for one, other in zip(_ids(recorded), _ids(ours), strict=False):
            self.ours.setdefault(one, other)


def _ids(body: Any) -> Iterator[str]:
    if isinstance(body, dict) and "id" in body:
        yield body["id"]
        if "parent" in body:
            yield body["parent"]["id"]


def bare(value: Any) -> Any:
    """Return an answer without what is of its very recording: ids, times."""
    if isinstance(value, dict):
        return {
            _ID.sub("ID", key): "..." if key in _TIMES else bare(each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [bare(each) for each in value]
    return _ID.sub("ID", value) if isinstance(value, str) else value


def test_the_server_answers_as_a_real_one_did() -> None:
    assert len(exchanges()) == 48
    names, differences = Names(), []
    with InvenioServer() as server, httpx.Client(base_url=server.url) as http:
        for each in exchanges():
            if each.step == "put review":
                # How its draft was made was not recorded: as the first one.
                names.ours[each.path.split("/")[2]] = _draft_with_file(server)
            path, body = names.translated(each.path), names.translated(each.request)
            headers = {"Accept": each.accept, "Authorization": f"Bearer {TOKEN}"}
            if "bad token" in each.step:
                headers["Authorization"] = "Bearer something-else"
            elif "anonymous" in each.step:
                del headers["Authorization"]
            sent: dict[str, Any] = {"json": body} if body is not None else {}
            if isinstance(body, dict) and "_md5" in body:
                sent = {"content": _content(body)}
            answer = http.request(each.method, path, headers=headers, **sent)
            found = answer.json() if answer.content else None
            names.learn(each.response, found)
            said = (answer.status_code, answer.headers["Content-Type"], bare(found))
            wanted = (each.status, each.content_type, bare(each.response))
            if each.location:
                assert answer.headers["Location"] == names.translated(each.location)
            if said != wanted:
                differences.append(f"{each.step}: {_difference(wanted, said)}")
    assert not differences, "\n".join(differences)


def _draft_with_file(server: InvenioServer) -> str:
    record = str(server.create(exchanges()[0].request)[1]["id"])
    server.begin_files(record, [{"key": "a.json"}])
    server.upload(record, "a.json", b"{}")
    server.commit(record, "a.json")
    return record


def _content(body: dict[str, Any]) -> bytes:
    return _CONTENTS[body["_md5"]]


def _difference(wanted: Any, found: Any, at: str = "") -> str:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in wanted.keys() | found.keys():
            if key not in wanted or key not in found:
                return f"{at}.{key} is only in {'ours' if key in found else 'the recording'}"
            if wanted[key] != found[key]:
                return _difference(wanted[key], found[key], f"{at}.{key}")
    if (
        isinstance(wanted, list | tuple)
        and isinstance(found, list | tuple)
        and len(wanted) == len(found)
    ):
        for number, pair in enumerate(zip(wanted, found, strict=True)):
            if pair[0] != pair[1]:
                return _difference(*pair, f"{at}[{number}]")
    return f"{at}: {wanted!r}, ours {found!r}"


@pytest.mark.parametrize("path", ["/records/none-there", "/records/none-there/draft", "/nothing"])
def test_what_is_not_there_is_not_found(path: str) -> None:
    with InvenioServer() as server:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert httpx.get(server.url + path, headers=headers).status_code == 404
