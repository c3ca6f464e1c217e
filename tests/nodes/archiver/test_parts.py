"""Parts of the archiver without an archive: addresses, tokens, limits, versions, times."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from labmesh.crate import CrateDescription, CrateSummary
from messages.errors import ConfigurationError
from nodes.archiver._client import checked_url
from nodes.archiver._errors import ArchiveError, refusal
from nodes.archiver._limits import Pace
from nodes.archiver._metadata import access_of, metadata_of, words_of
from nodes.archiver._prepare import described, folder_name
from nodes.archiver._schedule import due_at, period_of
from nodes.archiver._state import DepositStore, InHand, State
from nodes.archiver._token import token_of
from nodes.archiver._wanted import next_version

DAY = 86_400_000_000_000


def summary(**said: object) -> CrateSummary:
    plain = {
        "path": Path("x"), "campaign": "eol", "title": "Campaign eol", "version": "2026.11.22+7",
        "published": "2026-11-22", "retain_until": "2036-11-22", "head": (7, b""),
        "access": "public", "entries": 8, "withheld": {}, "files": (), "keywords": ("CoinCell",),
        "description": "Cells & <cycles>", "contact": "Ada <ada@kit.example>",
    }  # fmt: skip
    return CrateSummary(**{**plain, **said})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("zenodo.org/api", "this is no address of an archive"),
        ("http://zenodo.org/api", "the token would travel unencrypted; use https"),
        ("https://ada:secret@zenodo.org/api", "holds no user and no password"),
        ("https://zenodo.org/api?access_token=x", "this is no address of an archive"),
    ],
)
def test_an_address_to_which_no_token_goes(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        checked_url(url)
    assert "secret" not in str(caught.value)


def test_addresses() -> None:
    assert checked_url("https://zenodo.org/api/") == "https://zenodo.org/api"
    assert checked_url("http://127.0.0.1:5000") == "http://127.0.0.1:5000"


def test_a_token_comes_from_a_private_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LABMESH_ARCHIVE_TOKEN", raising=False)
    with pytest.raises(ConfigurationError, match="no token for the archive; .*token_file"):
        token_of("")
    monkeypatch.setenv("LABMESH_ARCHIVE_TOKEN", "one")
    assert token_of("") == "one"
    file = tmp_path / "token"
    with pytest.raises(ConfigurationError, match="cannot be read"):
        token_of(str(file))
    file.write_text("two\n")
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="not private; chmod 600"):
        token_of(str(file))
    file.chmod(0o600)
    assert token_of(str(file)) == "two"
    file.write_text("two words")
    with pytest.raises(ConfigurationError, match="a token is one word") as caught:
        token_of(str(file))
    assert "two words" not in str(caught.value)


def test_an_archive_may_say_how_long_to_wait() -> None:
    pace = Pace(longest_wait=100.0)
    assert not pace.slows_down(500, {}, "GET /")
    assert pace.slows_down(429, {"retry-after": "7"}, "GET /")
    assert 6 < pace._from - time.monotonic() <= 7
    soon = format_datetime(datetime.fromtimestamp(time.time() + 30, tz=UTC), usegmt=True)
    assert pace.slows_down(503, {"retry-after": soon}, "GET /")
    assert 25 < pace._from - time.monotonic() <= 30
    assert not pace.slows_down(503, {}, "GET /")  # it does not say that it did nothing
    with pytest.raises(ArchiveError, match="says to wait for 3600 s") as caught:
        pace.slows_down(429, {"retry-after": "3600"}, "GET /")
    assert caught.value.retryable
    used_up = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(time.time() + 90)}
    assert not pace.slows_down(200, used_up, "GET /")
    assert 80 < pace._from - time.monotonic() <= 90


def test_a_refusal_names_each_field() -> None:
    body = {
        "message": "A validation error occurred.",
        "errors": [
            {"field": "metadata.title", "messages": ["Too short."]},
            {"field": "files"},
        ],
    }
    assert str(refusal(400, body, "POST /records")) == (
        "POST /records: the archive answers 400: metadata.title: Too short.; files: ; "
        "correct the campaign's description file"
    )
    assert "answers 502: no reason given" in str(refusal(502, "<html>", "GET /"))


def test_versions_of_one_day_are_told_apart() -> None:
    assert next_version("2026.11.22", "") == "2026.11.22"
    assert next_version("2026.11.22", "2026.11.21.4") == "2026.11.22"
    assert next_version("2026.11.22", "2026.11.22") == "2026.11.22.1"
    assert next_version("2026.11.22", "2026.11.22.9") == "2026.11.22.10"


def test_times_that_were_missed_are_made_up_for_once() -> None:
    assert period_of("12 h") == DAY // 2
    assert period_of("1d") == DAY
    with pytest.raises(ConfigurationError, match="is no schedule"):
        period_of("daily")
    assert due_at(None, DAY, 5) == 5
    assert due_at(5, DAY, 6) == 5 + DAY
    assert due_at(5, DAY, 5 + DAY) == 5 + DAY
    assert due_at(5, DAY, 6 + 9 * DAY) == 5 + 9 * DAY


def test_metadata_come_from_the_crate_and_the_description(tmp_path: Path) -> None:
    said = described("", "eol")
    made = metadata_of(summary(), said, publisher="Zenodo", site="kit")
    assert made["creators"] == [
        {"person_or_org": {"type": "organizational", "name": "Laboratory of kit"}}
    ]
    assert made["rights"] == [{"id": "cc-by-4.0"}]
    assert made["description"].startswith("<p>Cells &amp; &lt;cycles&gt;</p>")
    assert "Contact: Ada &lt;ada@kit.example&gt;" in made["description"]
    (tmp_path / "eol.yaml").write_text("labmesh_crate: 1\nlicence: MIT\nschedule: 12 h\n")
    assert described(str(tmp_path), "eol").schedule == "12 h"
    assert described(str(tmp_path), "other") == CrateDescription()
    assert described(str(tmp_path / "eol.yaml"), "other").licence == "MIT"
    with pytest.raises(ConfigurationError):
        described(str(tmp_path / "none.yaml"), "eol")


def test_files_are_open_when_the_embargo_is_over() -> None:
    until = {"embargo_until": "2027-01-01", "embargo_reason": "patent"}
    closed = access_of(summary(**until), "2026-12-31")
    assert closed["embargo"] == {"active": True, "until": "2027-01-01", "reason": "patent"}
    assert (closed["record"], closed["files"]) == ("public", "restricted")
    assert words_of(closed) == "files restricted until 2027-01-01"
    assert access_of(summary(**until), "2027-01-01") == {"record": "public", "files": "public"}
    restricted = access_of(summary(access="restricted", **until), "2027-01-01")
    assert restricted == {"record": "public", "files": "restricted"}
    assert words_of(restricted) == "files restricted"


def test_any_campaign_has_a_folder() -> None:
    assert folder_name("eol-1") == "eol-1"
    assert folder_name("../x") == "%2E.%2Fx"
    assert "/" not in folder_name("a/b")


def test_the_list_of_deposits_is_read_as_it_was_written(tmp_path: Path) -> None:
    store = DepositStore(tmp_path / "a" / "b.sqlite")
    assert store.read("eol") is None
    state = State(hand=InHand(kind="new", version="1", date="2026-11-22", metadata="m"))
    store.write("eol", state)
    store.ran("eol", 7, "seen")
    store.close()
    store = DepositStore(tmp_path / "a" / "b.sqlite")
    assert store.read("eol") == state
    assert store.last_run("eol") == (7, "seen")
    store.close()
    (tmp_path / "broken").write_bytes(b"no database" * 100)
    with pytest.raises(ConfigurationError, match="list of deposits cannot be opened"):
        DepositStore(tmp_path / "broken")
