"""Which sites are reached, by what their links say."""

from __future__ import annotations

import pytest

from labmesh.links import SILENCE, Links


def link(site: str) -> str:
    return f"lab1/{site}/bridge/link"


def test_without_links_everybody_is_reached() -> None:
    links = Links("kit")
    assert all(links.reaches(site) for site in ("kit", "hub", "dtu"))


def test_a_broken_link_hides_its_site_from_the_others() -> None:
    links = Links("hub")
    assert links.take(link("kit"), b"1")
    assert not links.take(link("kit"), b"1")
    assert links.take(link("kit"), b"0")
    assert not links.reaches("kit")
    assert links.reaches("dtu")
    assert links.down("kit") == "the link of site kit is down"
    # Decommissioned: the site is no longer bridged.
    assert links.take(link("kit"), b"")
    assert links.reaches("kit")


def test_behind_its_own_broken_link_a_site_reaches_itself_alone() -> None:
    links = Links("kit")
    links.take(link("dtu"), b"1")
    links.take(link("kit"), b"0")
    assert links.reaches("kit")
    assert not links.reaches("hub")
    assert links.down("dtu") == "the link of site kit is down"


def test_a_bridge_lies_between_bridged_sites_and_the_hub() -> None:
    at_hub, at_kit, alone = Links("hub"), Links("kit"), Links("hub")
    for links in (at_hub, at_kit):
        links.take(link("kit"), b"1")
    assert at_hub.bridged("kit")
    assert at_kit.bridged("hub")
    assert not at_hub.bridged("hub")
    assert not alone.bridged("kit")


def test_a_hub_that_falls_silent_is_beyond_a_broken_link(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("labmesh.links.time.monotonic", lambda: now[0])
    links = Links("kit")
    pulse = "lab1/kit/bridge/hub/uptime"
    links.take(link("kit"), b"1")
    now[0] += 1000
    assert links.reaches("hub"), "a hub that never gives a sign of life is believed"
    links.take(pulse, b"7 seconds")
    assert links.in_doubt
    now[0] += SILENCE + 1
    assert links.silent
    assert links.down("dtu") == "the link of site kit is down"
    assert not links.in_doubt
    assert links.reaches("kit")
    assert links.take(pulse, b"90 seconds")
    assert links.reaches("dtu")
    links.no_answer()
    assert not links.reaches("dtu")
    links.take(pulse, b"95 seconds")
    assert links.reaches("dtu")
    # What another site hears of the hub is not of ours.
    assert not Links("hub").take(pulse, b"7 seconds")


def test_other_topics_are_no_news() -> None:
    links = Links("kit")
    for topic in ("lab1/dtu/asab/link", "lab1/dtu/bridge/node/life", "junk", "lab1/+/bridge/link"):
        assert not links.take(topic, b"0")
