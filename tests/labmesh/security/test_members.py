"""Roles become mosquitto's access rules; no service is forgotten."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import labmesh.agent
import labmesh.node
import nodes.asab
import nodes.broker
import nodes.container
import nodes.search
import nodes.transport
from labmesh.security import READING, RIGHTS, Member, Restricted, Role, render_acl
from messages.errors import ConfigurationError, NameInvalidError
from messages.topics import check_filter

CHANGING = {
    "artifact.verify", "life.change", "log.set_level", "param.set", "param.unset", "stock.refill",
}  # fmt: skip
"""What a viewer may not call: it changes something, or takes the ledger's time."""


def test_rules_are_reviewable() -> None:
    text = render_acl(
        "lab1",
        [
            Member(username="vera", site="kit", roles=(Role.VIEWER,)),
            Member(username="dtu", site="dtu", roles=(Role.BRIDGE,)),
            Member(username="boss", site="kit", roles=(Role.ADMINISTRATOR,)),
        ],
        [Restricted(topics="kit/asab/data/secret/#", readers=("dtu",))],
    )
    boss, dtu, vera = text.split("\n\n")[1:]
    assert boss.splitlines() == [
        "# administrator of kit",
        "user boss",
        "topic read lab1/#",
        "topic read $SYS/#",
        "topic write lab1/#",
    ]
    assert "topic write lab1/dtu/#" in dtu
    assert "deny" not in dtu + boss
    assert "topic deny lab1/kit/asab/data/secret/#\ntopic read lab1/#" in vera
    assert "topic write lab1/kit/vera/call/+/+/query.results" in vera
    assert not any(word in vera for word in ("/request/", "life.change", "call/#"))


def test_who_publishes_restricted_topics_may_do_so() -> None:
    secret = Restricted(topics="kit/asab/data/secret")
    asab = Member(username="a1", site="kit", names=("asab",), roles=(Role.INSTRUMENT,))
    assert "deny" not in render_acl("lab1", [asab], [secret])
    namesake = Member(username="asab", site="dtu", roles=(Role.INSTRUMENT,))
    assert "deny" in render_acl("lab1", [namesake], [secret])


def test_the_rights_are_sound() -> None:
    assert set(RIGHTS) == set(Role)
    for rights in RIGHTS.values():
        for pattern in rights.writes:
            check_filter(pattern)

    def may(role: Role, kind: str) -> bool:
        return any(each.split("/")[0] in (kind, "#") for each in RIGHTS[role].writes)

    own = {Role.LEDGER, Role.BRIDGE, Role.ADMINISTRATOR}
    for kind in ("order", "void", "receipt", "journal", "sample", "head"):
        assert {role for role in Role if may(role, kind)} == own
    assert not may(Role.INSTRUMENT, "decision")
    assert not may(Role.INSTRUMENT, "request")
    everything = {Role.OPERATOR, Role.BRIDGE, Role.ADMINISTRATOR}
    assert {role for role in Role if {"call/#", "#"} & set(RIGHTS[role].writes)} == everything


def test_what_everybody_may_call_is_there_and_changes_nothing() -> None:
    names = set()
    for package in (
        labmesh.agent, labmesh.node, nodes.asab, nodes.broker, nodes.container, nodes.search,
        nodes.transport,
    ):  # fmt: skip
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                module = importlib.import_module(found.name)
                names |= {
                    mark[0]
                    for _, owner in inspect.getmembers(module, inspect.isclass)
                    for _, function in inspect.getmembers(owner, callable)
                    if (mark := getattr(function, "__labmesh_service__", None))
                }
    assert set(READING) <= names
    assert names >= CHANGING
    assert not CHANGING & set(READING)


@pytest.mark.parametrize("topics", ["kit/asab", "+/asab/data", "kit/+/data/x", "#", "kit/#"])
def test_what_is_restricted_belongs_to_one_node(topics: str) -> None:
    with pytest.raises((ConfigurationError, NameInvalidError)):
        Restricted(topics=topics)


def test_members_that_make_no_sense() -> None:
    with pytest.raises(ConfigurationError, match="no role; give one of viewer"):
        Member(username="a", site="kit", roles=())
    with pytest.raises(NameInvalidError, match="node"):
        Member(username="Alice", site="kit", roles=(Role.VIEWER,))
    Member(username="Alice", site="kit", names=("alice",), roles=(Role.VIEWER,))
    twin = Member(username="a", site="kit", roles=(Role.VIEWER,))
    with pytest.raises(ConfigurationError, match="same username"):
        render_acl("lab1", [twin, twin])
    with pytest.raises(ConfigurationError, match="no account 'nobody'"):
        render_acl("lab1", [twin], [Restricted(topics="kit/a/data/x", readers=("nobody",))])
