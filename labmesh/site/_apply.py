"""From the description to the folder: what would change, and the change itself."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from labmesh.security import (
    Account,
    is_password,
    new_password,
    read_passwords,
    remove_password,
    set_password,
    write_private,
)
from labmesh.site._certificates import open_authority, renew, why_renew
from labmesh.site._description import Description
from labmesh.site._folder import SiteFolder
from messages.errors import ConfigurationError

_SECRET: Final = re.compile(r"^([+-]?\s*remote_password ).*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Change:
    """One file that differs.

    Attributes:
        file: Which.
        kind: How.
        diff: Lines of a unified diff, secrets masked; empty for a file that holds only such.
    """

    file: Path
    kind: Literal["new", "changed", "removed"]
    diff: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What would bring a folder in line with its description.

    Attributes:
        files: Files that hold no secret.
        accounts: Accounts to make.
        gone: Usernames to revoke.
        certificate: Why a new server certificate is due; empty when it is not.
        uninvited: Sites of the description that have no password: they are to be invited.
        restart: Whether a running MQTT broker must be started anew; else it reads files again.
    """

    files: tuple[Change, ...] = ()
    accounts: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    certificate: str = ""
    uninvited: tuple[str, ...] = ()
    restart: bool = False
    _moved: tuple[str, ...] = field(default=(), repr=False)

    def __bool__(self) -> bool:
        """Tell whether anything would change."""
        return bool(self.files or self.accounts or self.gone or self.certificate or self._moved)

    @property
    def moved(self) -> tuple[str, ...]:
        """Accounts whose file names another url than the description, or another password."""
        return self._moved


def changes_of(folder: SiteFolder, description: Description) -> Changes:
    """Return what `apply` would do; nothing is written.

    Raises:
        ConfigurationError: A file of the folder cannot be read, or others may.
    """
    files = tuple(_files(folder, description))
    if not description.has_broker:
        return Changes(files=files)
    passwords = read_passwords(folder.passwords)
    made = [name for name in description.accounts if not folder.account(name).exists()]
    moved = [
        name
        for name in description.accounts
        if name not in made and not _is_current(folder, description, name, passwords)
    ]
    on_disk = {file.stem for file in folder.accounts.glob("*.json")}
    known = {*description.accounts, *description.sites}
    return Changes(
        files=files,
        accounts=tuple(made),
        gone=tuple(sorted((set(passwords) | on_disk) - known)),
        certificate=why_renew(folder, description),
        uninvited=tuple(site for site in description.sites if site not in passwords),
        restart=any(each.file == folder.config and each.kind == "changed" for each in files),
        _moved=tuple(moved),
    )


def apply(folder: SiteFolder, description: Description) -> Changes:
    """Bring the folder in line with the description; return what has changed.

    Passwords and keys that are there stay as they are.

    Raises:
        ConfigurationError: As `changes_of`.
    """
    if not description.has_broker:
        changes = changes_of(folder, description)
        _write(changes, folder.rendered(description))
        return changes
    for part in (folder.root, folder.accounts, folder.broker):
        part.mkdir(parents=True, exist_ok=True)
        part.chmod(0o700)
    authority = open_authority(folder, description)
    folder.ca.write_bytes(authority.ca_file.read_bytes())
    changes = changes_of(folder, description)
    if changes.certificate:
        renew(folder, description)
    if not folder.passwords.exists():
        write_private(folder.passwords, "")
    for name in changes.accounts:
        give_password(folder, description, name)
    for name in changes.moved:
        _refresh(folder, description, name)
    for name in changes.gone:
        remove_password(folder.passwords, name)
        folder.account(name).unlink(missing_ok=True)
    _write(changes, folder.rendered(description))
    return changes


def give_password(folder: SiteFolder, description: Description, name: str) -> None:
    """Give an account of the site a new password, and write its file."""
    account = Account(
        url=description.url, username=name, password=new_password(), ca=folder.ca,
        site=description.site, name=name,
    )  # fmt: skip
    account.write(folder.account(name))
    set_password(folder.passwords, name, account.password or "")


def _files(folder: SiteFolder, description: Description) -> list[Change]:
    found = []
    for file, text in folder.rendered(description).items():
        try:
            before = file.read_text(encoding="utf-8") if file.exists() else None
        except OSError as error:
            raise ConfigurationError(
                f"cannot be read: {error.strerror}", where=str(file)
            ) from error
        if before != text:
            lines = difflib.unified_diff(
                _masked(before or "").splitlines(),
                _masked(text).splitlines(),
                "/dev/null" if before is None else file.name,
                file.name,
                lineterm="",
                n=1,
            )
            kind: Literal["new", "changed"] = "new" if before is None else "changed"
            found.append(Change(file, kind, "\n".join(lines)))
    return found


def _masked(text: str) -> str:
    return _SECRET.sub(r"\1***", text)


def _write(changes: Changes, texts: dict[Path, str]) -> None:
    for change in changes.files:
        # All of them private: the configuration of a bridge holds a password.
        write_private(change.file, texts[change.file])


def _is_current(
    folder: SiteFolder, description: Description, name: str, passwords: dict[str, str]
) -> bool:
    account = Account.read(folder.account(name))
    return (
        account.url == description.url
        and account.password is not None
        and name in passwords
        and is_password(account.password, passwords[name])
    )


def _refresh(folder: SiteFolder, description: Description, name: str) -> None:
    account = replace(Account.read(folder.account(name)), url=description.url)
    if account.password is None:
        give_password(folder, description, name)
        return
    account.write(folder.account(name))
    set_password(folder.passwords, name, account.password)
