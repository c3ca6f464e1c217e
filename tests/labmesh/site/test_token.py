"""Invitations: what goes in comes out, and every slip is said in one sentence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labmesh.site import Invitation
from messages.errors import ConfigurationError

NAMES = st.text("abcxyz019_-", min_size=1, max_size=12).map(lambda text: f"s{text}")
WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=0x24F), min_size=1, max_size=60)
INVITATIONS = st.builds(
    Invitation,
    realm=NAMES, hub=NAMES, site=NAMES, url=WORDS, ca=WORDS, password=WORDS,
    expires=st.integers(10**9, 10**11), peers=st.lists(NAMES, max_size=4).map(tuple),
)  # fmt: skip
ONE = Invitation(
    realm="lab1", hub="kit", site="dtu", url="mqtts://hub:8883", ca="a certificate",
    password="hunter2", expires=2 * 10**9, peers=("kit",),  # noqa: S106
)  # fmt: skip


@settings(max_examples=50)
@given(INVITATIONS)
def test_comes_out_as_it_went_in_however_it_was_wrapped(invitation: Invitation) -> None:
    text = invitation.pack()
    assert Invitation.unpack(text, now=0) == invitation
    wrapped = "\n > ".join(text[at : at + 60] for at in range(0, len(text), 60)).replace(
        " > ", "  "
    )
    assert Invitation.unpack(f'  "{wrapped}"\n', now=0) == invitation


@settings(max_examples=150)
@given(st.data())
def test_no_slip_passes(data: st.DataObject) -> None:
    text = ONE.pack()
    start = text.index("-1-") + 3
    at = data.draw(st.integers(start, len(text) - 1))
    other = data.draw(st.sampled_from("abcXYZ019-_").filter(lambda c: c != text[at]))
    damaged = data.draw(
        st.sampled_from([text[:at] + other + text[at + 1 :], text[:at], text[:at] + text[at + 1 :]])
    )
    if damaged.rstrip("=") == text.rstrip("="):
        return
    with pytest.raises(ConfigurationError, match="the invitation is damaged") as caught:
        Invitation.unpack(damaged, now=0)
    assert "hunter2" not in str(caught.value)


@settings(max_examples=30)
@given(st.text(max_size=100) | st.binary(max_size=60).map(lambda b: f"labmesh-site-1-{b.hex()}"))
def test_nonsense_is_one_error(text: str) -> None:
    with pytest.raises(ConfigurationError):
        Invitation.unpack(text)


def test_each_mistake_has_its_sentence() -> None:
    said = {}
    for name, text in {
        "none": "mqtts://hub:8883",
        "version": ONE.pack().replace("-1-", "-2-", 1),
        "cut": ONE.pack()[:-9],
        "old": ONE.model_copy(update={"expires": 1_000_000_000}).pack(),
    }.items():
        with pytest.raises(ConfigurationError) as caught:
            Invitation.unpack(text)
        said[name] = str(caught.value)
    assert said["none"] == "this is no invitation; one begins with labmesh-site-1-"
    assert said["version"].startswith("the invitation is of version 2, and this labmesh reads 1;")
    assert "damaged" in said["cut"]
    assert "copy it once more" in said["cut"]
    assert said["old"] == (
        "the invitation has expired on 2001-09-09 01:46 UTC; "
        "let the hub make another: labmesh site invite dtu"
    )
    assert "hunter2" not in repr(ONE)
