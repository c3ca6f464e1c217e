"""``labmesh site list|status``: who is there, which links are up, what ends soon."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labmesh.cli._output import Output
from labmesh.cli._session import json_command
from labmesh.cli._site_show import FOLDER, read_site

if TYPE_CHECKING:
    from labmesh.site import Description, SiteFolder


@click.command("list")
@FOLDER
@json_command
def list_sites(out: Output, folder: Path | None) -> None:
    """List the sites of the lab as this one sees them, and whether each is linked."""
    there, description = read_site(folder)
    seen, trouble = _look(there, description)
    rows = _rows(description, seen)
    if out.as_json:
        out.document([{"site": s, "what": what, "link": link} for s, what, link in rows])
    else:
        out.table(("site", "what", "link"), rows, empty="no sites")
    if trouble:
        out.remark(trouble)
        click.get_current_context().exit(1)


@click.command("status")
@FOLDER
@json_command
def status(out: Output, folder: Path | None) -> None:
    """Show the site: its MQTT broker, its link, who was invited, certificates that end soon."""
    from labmesh.site import SOON_DAYS, Certificate, changes_of, running

    there, description = read_site(folder)
    seen, trouble = _look(there, description)
    rows = _rows(description, seen)
    warnings = [trouble] if trouble else []
    pid = running(there)
    upstream = description.upstream
    known = {description.site, *(upstream.peers if upstream else description.sites)}
    certificates: dict[str, Any] = {}
    for name, file in (("mqtt_broker", there.certificate), ("hub", there.hub_ca)):
        if file.exists():
            certificate = Certificate.read(file)
            certificates[name] = f"{certificate.until:%Y-%m-%d}"
            if certificate.days < SOON_DAYS:
                what = "has ended" if certificate.days < 0 else "ends soon"
                warnings.append(
                    f"the certificate {file} {what} ({certificates[name]}): "
                    "labmesh site rotate --certificates"
                )
    if changes_of(there, description):
        warnings.append("the folder is not as site.yaml says: labmesh site init --dry-run")
    if upstream and (unknown := sorted(set(seen) - known)):
        warnings.append(f"not let in yet: {', '.join(unknown)}: labmesh site refresh")
    if out.as_json:
        out.document(
            {
                "site": description.site, "folder": str(there.root), "pid": pid,
                "url": description.url if description.has_broker else "",
                "hub": upstream.hub if upstream else "", "how": upstream.how if upstream else "",
                "sites": [{"site": s, "what": what, "link": link} for s, what, link in rows],
                "accounts": {n: list(g.roles) for n, g in description.accounts.items()},
                "revoked": list(description.revoked),
                "certificates": certificates, "warnings": warnings,
            }
        )  # fmt: skip
    else:
        runs = f"pid {pid}" if pid else "does not run"
        broker = f"{description.url} ({runs})" if description.has_broker else "none of its own"
        out.pairs(
            [
                ("site", f"{description.site} of realm {description.realm}"),
                ("folder", there.root),
                ("MQTT broker", broker),
                ("hub", f"{upstream.hub}, {upstream.url}, {upstream.how}" if upstream else ""),
                ("accounts", ", ".join(description.accounts)),
                ("revoked", ", ".join(description.revoked)),
                ("certificate until", certificates.get("mqtt_broker")),
                ("hub's certificate", certificates.get("hub")),
            ]
        )  # fmt: skip
        if len(rows) > 1:
            out.text("")
            out.table(("site", "what", "link"), rows, empty="")
        for warning in warnings:
            out.remark(warning)
    if trouble:
        click.get_current_context().exit(1)


def _look(folder: SiteFolder, description: Description) -> tuple[dict[str, bool | None], str]:
    """Return the sites that are seen and their links, and why nothing is seen."""
    from dataclasses import replace

    from labmesh.security import Account
    from labmesh.site import sites_at
    from messages.errors import LabmeshError

    upstream = description.upstream
    direct = upstream is not None and upstream.how == "direct"
    try:
        if direct:
            account = Account.read(folder.hub)
        else:
            account = Account.read(folder.account("cli"))
            # The certificate is for this machine, too, whatever others call it.
            account = replace(account, url=f"mqtts://localhost:{description.port}")
        return asyncio.run(sites_at(account, description.realm, patience=5.0)), ""
    except LabmeshError as error:
        whose = "the hub" if direct else "the site's MQTT broker"
        return {}, f"{whose} does not answer: {error}"


def _rows(description: Description, seen: dict[str, bool | None]) -> list[tuple[str, str, str]]:
    upstream = description.upstream
    hub = upstream.hub if upstream else description.site if description.sites else ""
    peers = upstream.peers if upstream else description.sites
    names = dict.fromkeys((description.site, *peers, *sorted(seen)))
    words = {True: "up", False: "down", None: ""}
    rows = []
    for name in names:
        here = "this site" if name == description.site else ""
        what = ", ".join(filter(None, (here, "hub" if name == hub else "")))
        if name in description.sites and name not in seen:
            what = ", ".join(filter(None, (what, "invited")))
        rows.append((name, what, words[seen.get(name)]))
    return rows
