"""The folder of a site follows from its site.yaml, and nothing that is there is lost."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from labmesh.security import Account, Role
from labmesh.security.authority import Authority
from labmesh.site import Description, Invitation, SiteFolder, accounts_of
from messages.errors import ConfigurationError
from tests.labmesh.site.conftest import Sites

LAB = """\
labmesh_launch: 1
site: kit
launch:
  - mqtt_broker: embedded
  - node: {run: broker}
  - node: {run: standby, param: {database_url: 'postgresql+psycopg://localhost/lab'}}
  - node: {run: asab}
  - node: {run: robot, param: {unknown: 1}}
  - node: {run: asab, name: far, site: dtu}
  - node:
      run: optimiser
      param: {campaign_file: %s}
"""
CAMPAIGN = Path(__file__).parents[3] / "launch/campaigns/ec_emc_conductivity.yaml"


def content(folder: SiteFolder) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder.root)): file.read_bytes()
        for file in folder.root.rglob("*")
        if file.is_file()
    }


def test_init_again_changes_only_what_the_description_changed(sites: Sites, tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(LAB % CAMPAIGN)
    folder = sites.make("kit", "--from", file)
    before = content(folder)
    said = sites("init", site="kit")
    assert "is as its site.yaml says" in said
    assert content(folder) == before

    with folder.description.open("a") as page:
        page.write("# asked for by Bob\n")
    page_text = folder.description.read_text().replace("asab: instrument", "rinser: instrument")
    folder.description.write_text(page_text)
    edited = content(folder)
    said = sites("init", "--dry-run", site="kit")
    assert content(folder) == edited, "a dry run changes nothing"
    for words in ("+user rinser", "-user asab", "account  accounts/rinser.json", "revoked  asab"):
        assert words in said
    assert "password" not in said

    sites("init", site="kit")
    after = content(folder)
    assert after["site.yaml"].endswith(b"# asked for by Bob\n"), "people's own words stay"
    assert "accounts/asab.json" not in after
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {
        "site.yaml", "accounts/rinser.json", "mosquitto/mosquitto.acl", "mosquitto/passwords",
    }  # fmt: skip

    # Another host: every account file names it, no password changes, the certificate is for it.
    passwords = {name: Account.read(folder.account(name)).password for name in ("cli", "broker")}
    said = sites("init", "--host", "kit.example.org", site="kit")
    assert "it is not for kit.example.org" in said
    for name, password in passwords.items():
        account = Account.read(folder.account(name))
        assert account.password == password
        assert account.url.startswith("mqtts://kit.example.org:")
    assert "is as its site.yaml says" in sites("init", site="kit")
    Authority.open(folder.authority).issue_server(
        ["localhost", "kit.example.org", "127.0.0.1", "::1"], folder.certificate, folder.key, days=9
    )
    assert "certificate of the MQTT broker: it ends on" in sites("init", "--dry-run", site="kit")
    open_to_others = [
        file.name
        for file in folder.root.rglob("*")
        if file.suffix in (".json", ".key", ".conf", ".acl", "") and file.is_file()
        if stat.S_IMODE(file.stat().st_mode) & 0o077
    ]
    assert open_to_others == []


def test_roles_follow_from_what_a_node_is(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(LAB % CAMPAIGN)
    found = accounts_of([file], "kit")
    roles = {name: set(grant.roles) for name, grant in found.items()}
    assert roles == {
        "broker": {Role.LEDGER},
        "standby": {Role.LEDGER, Role.INSTRUMENT},
        "asab": {Role.INSTRUMENT},
        "robot": {Role.INSTRUMENT},
        "optimiser": {Role.INSTRUMENT, Role.REQUESTER},
    }
    assert found["standby"].names == ("broker",)
    with pytest.raises(ConfigurationError, match="there are nodes of dtu, kit"):
        accounts_of([file], "fzj")


def test_every_account_is_let_in_and_kept_to_its_prefix(sites: Sites) -> None:
    folder = sites.make("kit")
    sites("add-node", "asab", "--role", "instrument", site="kit")
    assert sites("check", site="kit").count(" ok") == 5
    # Rules that let everybody write everywhere are found out.
    folder.passwords.write_text("")
    said = sites("check", site="kit", code=1)
    assert "is not let in" in said
    assert "renewed  accounts/asab.json" in sites("init", site="kit")
    assert sites("check", site="kit").count(" ok") == 5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"port": 1883}, "port and local_port are the same"),
        ({"sites": ["cli"]}, "cli is the name of a site or of its bridge"),
        ({"sites": ["kit"]}, "a site does not join itself"),
        ({"revoked": ["cli"]}, "cli was revoked"),
        ({"accounts": {"x": "boss"}}, "accounts.x.roles.0"),
        ({"accounts": {"x": "bridge"}}, "made by labmesh site invite"),
        ({"accounts": {"Asab": "instrument"}}, "accounts.Asab: 'Asab' is no name: [a-z]"),
        ({"hots": []}, "hots: Extra inputs are not permitted"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(
    change: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Description.new("kit", hosts=["localhost"]).but(**change)
    assert words in str(caught.value)


def test_a_token_that_does_not_fit_changes_nothing(sites: Sites, tmp_path: Path) -> None:
    kit, dtu = sites.make("kit", "--hub"), sites.make("dtu")
    before = content(dtu)
    said = sites("invite", "fzj", site="kit")
    assert "hunter" not in said
    token = kit.invitation("fzj").read_text()
    assert stat.S_IMODE(kit.invitation("fzj").stat().st_mode) == 0o600
    assert token.strip() not in said
    assert Account.read(kit.account("cli")).password not in (None, "")
    said = sites("join", "--token-file", kit.invitation("fzj"), site="dtu", code=2)
    assert "the invitation is for site fzj of realm lab1, and this is dtu of lab1" in said
    sites("invite", "dtu", site="kit")
    said = sites(
        "join", "--token-file", kit.invitation("dtu"), "--patience", "1", site="dtu", code=2
    )
    assert "the hub cannot be joined" in said
    assert "nothing listens" in said
    assert content(dtu) == before
    assert "damaged" in sites("join", token[:-5], code=2)
    assert "cannot be read" in sites("join", "--token-file", tmp_path / "gone", code=2)
    first = Invitation.unpack(token).password
    sites("invite", "fzj", site="kit")
    assert Invitation.unpack(kit.invitation("fzj").read_text()).password != first
