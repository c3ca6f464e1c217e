from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.errors import NameInvalidError, TopicError
from messages.ids import MAX_NAME, NodeId
from messages.ledger import EntryKind
from messages.topics import (
    MAX_BYTES,
    Topic,
    Topics,
    check_filter,
    check_topic,
    matches,
    parse_topic,
)
from tests.messages import strategies as some

ADDRESSED = [
    "call", "reply", "request", "cancel", "decision", "amend", "progress", "result", "order",
    "void", "receipt", "fetch",
]  # fmt: skip
UUID = "01890a5d-ac96-774b-bcce-b302099a8057"
ME = NodeId("kit", "asab")
nodes = st.builds(NodeId, some.names, some.names)
level = st.sampled_from(["a", "b", "", "$SYS", "ab"])
levels = st.lists(level, min_size=1, max_size=6)


def naive(pattern: list[str], topic: list[str]) -> bool:
    """MQTT 5 section 4.7.1 as recursion."""
    if pattern == ["#"]:
        return True
    if not pattern or not topic:
        return not pattern and not topic
    return pattern[0] in ("+", topic[0]) and naive(pattern[1:], topic[1:])


@st.composite
def patterns(draw: st.DrawFn, topic: list[str]) -> list[str]:
    pattern = [draw(st.sampled_from([one, one, one, "+", "x"])) for one in topic]
    pattern = pattern[: draw(st.integers(1, len(pattern)))]
    return [*pattern, *draw(st.sampled_from([[], [], ["#"], ["+"], ["a"]]))]


@given(st.data())
def test_matches_as_the_naive_reference_does(data: st.DataObject) -> None:
    topic = data.draw(levels)
    pattern = data.draw(patterns(topic))
    expected = naive(pattern, topic) and not (topic[0].startswith("$") and pattern[0] in ("+", "#"))
    assert matches("/".join(pattern), "/".join(topic)) is expected


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        # The examples of MQTT 5, sections 4.7.1.2, 4.7.1.3 and 4.7.2.
        ("sport/tennis/player1/#", "sport/tennis/player1", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
        ("sport/#", "sport", True),
        ("#", "sport/tennis", True),
        ("sport/tennis/+", "sport/tennis/player1/ranking", False),
        ("sport/+", "sport", False),
        ("sport/+", "sport/", True),
        ("+/+", "/finance", True),
        ("/+", "/finance", True),
        ("+", "/finance", False),
        ("#", "$SYS/monitor", False),
        ("+/monitor/Clients", "$SYS/monitor/Clients", False),
        ("$SYS/#", "$SYS/monitor", True),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", True),
    ],
)
def test_matches_as_the_standard_says(pattern: str, topic: str, expected: bool) -> None:
    assert matches(pattern, topic) is expected


# --- what is built is parsed


@given(nodes, nodes, some.names, st.sampled_from(ADDRESSED), st.lists(some.names, max_size=2))
def test_addressed_topics_round_trip(
    author: NodeId, to: NodeId, realm: str, kind: str, rest: list[str]
) -> None:
    topic = Topics(author, realm).to(kind, to, *rest)
    assert parse_topic(topic) == Topic(realm, author, kind, to, tuple(rest))
    assert matches(Topics(to, realm).to_me(kind, "#"), topic)
    assert matches(Topics(to, realm).to_me(kind, "#", author=author), topic)
    assert check_filter(Topics(to, realm).to_me(kind, "#"))


@given(nodes, nodes, st.sampled_from(list(EntryKind)))
def test_journal_topics_round_trip(author: NodeId, to: NodeId, kind: str) -> None:
    topic = Topics(author).journal(kind, to)
    assert parse_topic(topic) == Topic("lab1", author, "journal", to, (kind,))


@given(
    nodes,
    st.sampled_from(["head", "beat", "clock", "node", "offer", "data", "event", "blob"]),
    st.lists(some.names, max_size=3),
)
def test_own_topics_round_trip(author: NodeId, kind: str, rest: list[str]) -> None:
    topic = Topics(author).own(kind, *rest)
    assert parse_topic(topic) == Topic("lab1", author, kind, None, tuple(rest))
    assert matches(Topics(ME).of(None, kind, "#"), topic)
    assert matches(Topics(ME).of(author, kind, "#"), topic)


def test_the_longest_legal_names_fit() -> None:
    long = "x" * MAX_NAME
    node = NodeId(long, long)
    topics = Topics(node, long)
    longest = topics.to("request", node, long, long)
    assert len(longest.split("/")) == 8
    assert len(longest) == 7 * MAX_NAME + len("request") + 7 <= MAX_BYTES
    for topic in [
        topics.to("result", node, long, long),
        topics.to("progress", node, UUID),
        topics.to("reply", node, long),
        topics.to("receipt", node),
        topics.own("offer", long, long),
        topics.own("node", "diag", long),
        topics.own("schema", "x" * 40 + "@99", "0" * 64),
        topics.own("blob", "0" * 64),
        topics.to("fetch", node, "0" * 64),
        *(topics.journal(kind, node) for kind in EntryKind),
    ]:
        assert parse_topic(topic).author == node


# --- refusals


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("", "topic has an empty level"),
        ("a//b", "topic has an empty level"),
        ("/a", "topic has an empty level"),
        ("a/+", "a topic to publish to has no wildcards"),
        ("a/b#", "a topic to publish to has no wildcards"),
        ("a\x00/b", "topic has a control character"),
        ("a\x7f/b", "topic has a control character"),
        ("a\x85/b", "topic has a control character"),
        ("a\ud800/b", "topic has a control character"),
        ("/".join("abcdefghi"), "topic has 9 levels, at most 8"),
        ("x" * 257, "topic is longer than 256 bytes"),
        ("ä" * 129, "topic is longer than 256 bytes"),
    ],
)
def test_topics_that_may_not_be_published_to(topic: str, reason: str) -> None:
    with pytest.raises(TopicError) as caught:
        check_topic(topic)
    assert caught.value.what == reason
    assert len(str(caught.value)) < 400
    assert check_topic("x" * 256)
    assert check_topic("/".join("abcdefgh"))


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a/b+", "a wildcard stands alone in its level"),
        ("a/#b", "a wildcard stands alone in its level"),
        ("#/a", "# is the last level of a filter"),
        ("a//+", "topic has an empty level"),
        ("+/" * 8 + "+", "topic has 9 levels, at most 8"),
    ],
)
def test_filters_that_may_not_be_subscribed_to(pattern: str, reason: str) -> None:
    with pytest.raises(TopicError) as caught:
        check_filter(pattern)
    assert caught.value.what == reason


@pytest.mark.parametrize("pattern", ["#", "+/+/+/#", "lab1/+/+/journal/#", "a/b"])
def test_filters_that_may(pattern: str) -> None:
    assert check_filter(pattern) == pattern


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("lab1/kit/asab", "topic is not {realm}/{site}/{node}/{kind}/..."),
        ("lab1/kit/asab/", "topic is not {realm}/{site}/{node}/{kind}/..."),
        ("lab1/Kit/asab/head", "site 'Kit' is not a valid name"),
        ("lab1/kit/9/head", "node '9' is not a valid name"),
        ("lab1/kit/asab/order", "a order topic names its addressee, {site}/{node}"),
        ("lab1/kit/asab/journal/request/kit", "a journal topic names its addressee, {site}/{node}"),
        ("lab1/kit/asab/order/kit/A/x", "node 'A' is not a valid name"),
    ],
)
def test_topics_that_are_not_ours(topic: str, reason: str) -> None:
    with pytest.raises(TopicError) as caught:
        parse_topic(topic)
    assert str(caught.value) == f"{topic}: {reason}"


@given(st.text(max_size=80) | st.lists(st.text("aA/+#\n", max_size=5)).map("/".join))
def test_parsing_raises_topic_errors_alone(topic: str) -> None:
    try:
        parsed = parse_topic(topic)
    except TopicError as error:
        found = str(error)
    else:
        found = parsed.author.site
    assert found


def test_a_realm_is_a_name() -> None:
    with pytest.raises(NameInvalidError, match="realm 'Lab 1' is not a valid name"):
        Topics(ME, "Lab 1")
