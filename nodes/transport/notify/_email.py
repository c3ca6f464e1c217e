"""Tells by e-mail."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from labmesh.security import check_private, is_loopback
from messages.errors import ConfigurationError
from nodes.transport.notify._api import Notification, NotifyError

Address = Annotated[str, Field(pattern=r"^[^\s@<>]+@[^\s@<>]+$", max_length=254)]


class EmailOptions(BaseModel):
    """Options of an `EmailNotifier`. The password stands in a file, never here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Address
    to: Annotated[list[Address], Field(min_length=1)]
    user: str = ""
    password_file: str = ""
    ca: str = ""
    timeout: Annotated[float, Field(gt=0)] = 20.0


class EmailNotifier:
    """Sends an e-mail through an SMTP server (RFC 5321; TLS by RFC 3207 or from the first byte).

    Raises:
        ConfigurationError: An option is wrong, or a password would travel readable.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        try:
            self._options = EmailOptions.model_validate(options)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(each) for each in first["loc"])
            raise ConfigurationError(first["msg"], where=f"notifiers: {where}") from None
        o = self._options
        if o.user and o.security == "none" and not is_loopback(o.host):
            raise ConfigurationError(
                f"the password would travel readable to {o.host}",
                where="notifiers: security",
                remedy="security: starttls, or tls",
            )
        if o.user:
            check_private(Path(o.password_file), "the file of the e-mail password")

    async def notify(self, notification: Notification) -> None:
        """Send it; see `Notifier.notify`."""
        try:
            await asyncio.to_thread(self._send, self._message(notification))
        except (OSError, smtplib.SMTPException) as error:
            raise NotifyError(
                f"{self._options.host} has not taken the e-mail: {error}",
                where=f"{self._options.host}:{self._options.port}",
            ) from error

    async def close(self) -> None:
        """Nothing is held: each e-mail has a connection of its own."""

    def _message(self, notification: Notification) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._options.sender
        message["To"] = ", ".join(self._options.to)
        kind = notification.kind.replace("_", " ")
        message["Subject"] = f"[{notification.node}] job {notification.job} {kind}"
        message["Date"] = formatdate()
        domain = self._options.sender.partition("@")[2]
        # The same for the same happening: a mailbox shows once what is sent twice.
        message["Message-ID"] = f"<{notification.id}@{domain}>"
        message.set_content(
            f"{notification.text}\n\n"
            f"job       {notification.job}, {notification.state}\n"
            f"samples   {', '.join(notification.samples)}\n"
            f"from      {notification.origin}\n"
            f"to        {notification.destination}\n"
            f"carrier   {notification.person or '-'}\n"
            f"request   {notification.request}\n"
        )
        return message

    def _send(self, message: EmailMessage) -> None:
        o = self._options
        if o.security == "tls":
            context = ssl.create_default_context(cafile=o.ca or None)
            with smtplib.SMTP_SSL(o.host, o.port, timeout=o.timeout, context=context) as server:
                self._hand_over(server, message)
            return
        with smtplib.SMTP(o.host, o.port, timeout=o.timeout) as server:
            if o.security == "starttls":
                server.starttls(context=ssl.create_default_context(cafile=o.ca or None))
            self._hand_over(server, message)

    def _hand_over(self, server: smtplib.SMTP, message: EmailMessage) -> None:
        if self._options.user:
            file = Path(self._options.password_file)
            server.login(self._options.user, file.read_text(encoding="utf-8").strip())
        server.send_message(message)
