"""Notifiers: a real command, a real SMTP server with TLS and a password, and those that fail."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from labmesh.security.authority import Authority
from messages.errors import ConfigurationError
from nodes.transport.notify import (
    CommandNotifier,
    EmailNotifier,
    Notification,
    NotifyError,
    Post,
    make_notifiers,
)
from nodes.transport.notify import _post as post_module
from nodes.transport.notify._post import Named
from tests.docs.test_pages import blocks

TOLD = Notification(
    id="r.escalation.0", kind="escalation", text="job 3 is late; $(touch hacked) `id`\nBcc: x@y.z",
    job=3, request="r", samples=("s-1", "s-2"), origin="kit / asab", destination="kit / rack",
    state="carried", person="ada", node="kit/transport",
)  # fmt: skip


async def test_a_command_gets_its_arguments_as_they_are(tmp_path: Path) -> None:
    script = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(repr(sys.argv[2:]))"
    said = tmp_path / "said"
    argv = [sys.executable, "-c", script, str(said), "{text}", "{job}: {samples}", "{person}"]
    await CommandNotifier({"argv": argv}).notify(TOLD)
    assert eval(said.read_text()) == [TOLD.text, "3: s-1,s-2", "ada"]  # noqa: S307 - our own


async def test_a_command_that_fails_says_so(tmp_path: Path) -> None:
    script = "import sys; sys.exit('no lamp')"
    with pytest.raises(NotifyError, match="ended with 1: no lamp"):
        await CommandNotifier({"argv": [sys.executable, "-c", script]}).notify(TOLD)
    with pytest.raises(NotifyError, match="cannot be run"):
        await CommandNotifier({"argv": [str(tmp_path / "none")]}).notify(TOLD)
    with pytest.raises(NotifyError, match="has not ended after 0.05 s"):
        await CommandNotifier({"argv": ["sleep", "60"], "timeout": 0.05}).notify(TOLD)


class Mailbox:
    """Keeps what comes; wants a password."""

    def __init__(self) -> None:
        self.mail: list[Message] = []

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert session.ssl, "nothing readable"
        assert session.authenticated
        content = envelope.content
        assert isinstance(content, bytes)
        self.mail.append(message_from_bytes(content, policy=default))
        return "250 taken"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _let_in(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"lab", b"sesame")
    return AuthResult(success=good, handled=False)


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[tuple[Mailbox, dict[str, Any]]]:
    authority = Authority.create(tmp_path / "ca", "Test CA")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    authority.issue_server(["127.0.0.1"], cert, key)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    box = Mailbox()
    server = Controller(
        box, hostname="127.0.0.1", port=free_port(), tls_context=tls, require_starttls=True,
        authenticator=_let_in, auth_required=True,
    )  # fmt: skip
    server.start()
    secret = tmp_path / "password"
    secret.write_text("sesame\n")
    secret.chmod(0o600)
    yield box, {
        "host": "127.0.0.1", "port": server.port, "sender": "lab@example.org",
        "to": ["ada@example.org"], "user": "lab", "password_file": str(secret),
        "ca": str(tmp_path / "ca" / "ca.pem"),
    }  # fmt: skip
    server.stop()


@pytest.mark.filterwarnings("ignore:Session.login_data:DeprecationWarning")  # aiosmtpd's own
async def test_an_email_arrives(mailbox: tuple[Mailbox, dict[str, Any]], tmp_path: Path) -> None:
    box, options = mailbox
    await EmailNotifier(options).notify(TOLD)
    (mail,) = box.mail
    assert mail["Subject"] == "[kit/transport] job 3 escalation"
    assert mail["Message-ID"] == "<r.escalation.0@example.org>"
    assert mail["Bcc"] is None
    assert "carrier   ada" in str(mail.get_payload())
    (tmp_path / "password").write_text("wrong")
    with pytest.raises(NotifyError, match="has not taken the e-mail"):
        await EmailNotifier(options).notify(TOLD)
    with pytest.raises(NotifyError, match=r"certificate|CERTIFICATE"):
        await EmailNotifier({**options, "ca": ""}).notify(TOLD)
    assert len(box.mail) == 1


def test_no_password_travels_readable(mailbox: tuple[Mailbox, dict[str, Any]]) -> None:
    _, options = mailbox
    with pytest.raises(ConfigurationError, match="would travel readable to smtp.example.org"):
        EmailNotifier({**options, "host": "smtp.example.org", "security": "none"})
    Path(options["password_file"]).chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        EmailNotifier(options)


class Broken:
    """A notifier of somebody else's, which hangs and raises."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.hangs = hangs
        self.heard: list[str] = []
        self.closed = False

    async def notify(self, notification: Notification) -> None:
        self.heard.append(notification.kind)
        if self.hangs:
            await asyncio.Event().wait()
        raise ZeroDivisionError("no siren")

    async def close(self) -> None:
        self.closed = True


async def test_who_fails_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_module, "_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(post_module, "_WAITING", 3)
    words: dict[str, list[str]] = {}
    broken, hangs = Broken(), Broken(hangs=True)
    every = frozenset({"escalation"})
    post = Post(
        [Named("siren-1", every, broken), Named("siren-2", every, hangs),
         Named("deaf-3", frozenset(), Broken())],
        lambda name, trouble: words.setdefault(name, []).append(trouble),
    )  # fmt: skip
    for _ in range(20):
        post.tell(TOLD)  # at once, whatever they do
    async with asyncio.timeout(5):
        while len(words.get("siren-1", [])) < 3:
            await asyncio.sleep(0)
    await post.close(patience=0.05)
    assert words["siren-1"][0] == "ZeroDivisionError: no siren"
    assert "notifications were forgotten" in words["siren-1"][2]
    assert hangs.heard == ["escalation"]
    assert hangs.closed


def test_a_wrong_notifier_is_said() -> None:
    for options, words in (
        ({"kind": "pigeon"}, "there is no notifier 'pigeon'"),
        ({"kind": "command"}, "a command has argv"),
        ({"kind": "command", "argv": ["x", "{salmon}"]}, "{salmon} stands for nothing"),
        ({"kind": "command", "argv": ["x"], "events": ["lunch"]}, "lunch never happens"),
        ({"kind": "command", "argv": ["x"], "events": "lost"}, "lost never happens"),
        ({"kind": "email", "host": "h", "sender": "nobody", "to": []}, "should match pattern"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            make_notifiers([options])
        assert words in caught.value.what


def test_the_pages_notifiers_are_valid(tmp_path: Path) -> None:
    (text,) = [text for _, text in blocks("docs/transport.md", "yaml") if "notifiers:" in text]
    secret = tmp_path / "smtp-password"
    secret.touch(0o600)
    options = yaml.safe_load(text.replace("/etc/labmesh/smtp-password", str(secret)))["notifiers"]
    made = make_notifiers(options)
    assert [each.name for each in made] == ["command-1", "email-2"]
    assert made[1].on == {"escalation", "lost"}
