"""``labmesh degradation``: end of life from a cycler's table; model cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from labmesh.cli.extend import (
    ConfigurationError,
    LabmeshError,
    Output,
    Session,
    json_command,
    mesh_command,
)


@click.group()
def command() -> None:
    """End of life of cells: predict it, look at the models, train them anew.

    A model card holds all that it takes to predict again as it did: any prediction names its card.
    """


@command.command("predict")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--cathode", metavar="NAME", default="", help="Active material: LFP, NMC811 ...")
@click.option("--anode", metavar="NAME", default="graphite", help="Active material; graphite.")
@click.option(
    "--formation", type=click.IntRange(0), metavar="N", help="How many of the first cycles."
)
@click.option("--simulated", is_flag=True, help="The cell is simulated.")
@click.option(
    "--model", "models", multiple=True, metavar="CARD", help="A card's file; published by default.",
    type=click.Path(path_type=Path),
)  # fmt: skip
@json_command
def predict(
    out: Output, file: Path, cathode: str, anode: str, formation: int | None, *, simulated: bool,
    models: tuple[Path, ...],
) -> None:  # fmt: skip
    """Predict the end of life of the cell whose cycles a table holds.

    FILE is a table of the Battery Data Format, Parquet or CSV; `labmesh cycler read FILE -o
    TABLE.parquet` makes one of any cycler's file.
    """
    from nodes.degradation._cli_work import predicted

    said, notes = predicted(
        file, cathode=cathode, anode=anode, formation=formation, simulated=simulated, models=models
    )
    if out.as_json:
        out.document({**said, "notes": notes})
        return
    life = said["end_of_life"]
    out.pairs(
        [
            ("end of life", f"{life['value']:.0f} +- {life['uncertainty']:.0f} cycles"),
            ("90 % interval", f"{said['interval_low']:.0f} to {said['interval_high']:.0f} cycles"),
            ("rating", said["rating"]["rating"]),
            ("because", said["rating"]["reason"]),
            ("in domain", "yes" if said["in_domain"] else "no"),
            ("model", said["model"]),
            ("which is", said["definition"]),
            ("cycles known", notes.get("cycles_known", "")),
        ]
    )


@command.command("card")
@click.argument("name", required=False, default="")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), metavar="FILE",
    help="Write the whole card, for `predict --model`.",
)  # fmt: skip
@mesh_command
async def card(session: Session, /, *, name: str, output: Path | None) -> None:
    """List the model cards of the ledger, or show the one whose name begins with NAME."""
    from labmesh.client import requester
    from nodes.degradation._cli_work import cards_of

    async with session.visit() as visitor, requester(visitor) as lab:
        cards = [each for each in await cards_of(lab) if each.name.startswith(name)]
        if output is not None:
            if len(cards) != 1 or cards[0].file is None:
                raise ConfigurationError(
                    f"{len(cards)} cards begin with {name!r}"
                    if len(cards) != 1
                    else f"{cards[0].name} has no file: its parameters are in the card",
                    remedy="name one: labmesh degradation card",
                )
            await lab.artifact(cards[0].file.sha256, to=output, patience=session.patience)
    if not cards and name:
        raise LabmeshError(
            f"no card begins with {name!r}", remedy="labmesh degradation card lists them"
        )
    _show(session.out, [each.model_dump(mode="json") for each in cards], one=bool(name))
    if output is not None and not session.out.as_json:
        session.out.text(str(output))


@command.command("retrain")
@click.argument("chemistry", required=False, default="")
@mesh_command
async def retrain(session: Session, /, *, chemistry: str) -> None:
    """Train the models anew on what the ledger holds, of one CHEMISTRY (NMC811|graphite) or all."""
    from labmesh.client import requester
    from messages.model_card import TRAINING, TrainingInput

    async with session.visit() as visitor, requester(visitor) as lab:
        asked = TrainingInput(chemistry=chemistry)
        view = await lab.request(*TRAINING, asked, timeout=session.patience)
    _show(session.out, list(view.data["cards"]), one=False)
    if not session.out.as_json:
        session.out.text(view.data["words"])


@command.command("reproduce")
@click.argument("file", type=click.Path(path_type=Path))
@json_command
def reproduce(out: Output, file: Path) -> None:
    """Train the model of a card again from what the card says, and compare the predictions.

    FILE is a whole card: `labmesh degradation card NAME -o FILE`, or the card among the data of a
    campaign crate. The exit code is 1 where the predictions differ.
    """
    from nodes.degradation._cli_work import reproduced

    found = reproduced(file)
    told = {
        "card": found.card, "again": found.again, "difference": found.difference,
        "same": found.same,
    }  # fmt: skip
    if out.as_json:
        out.document(told)
    else:
        out.pairs(list(told.items()))
    if not found.same:
        raise LabmeshError(
            f"{found.card} trained again predicts otherwise, by up to {found.difference:.2g}",
            where=str(file),
            remedy="compare the versions in the card with those installed here",
        )


def _show(out: Output, cards: list[dict[str, Any]], *, one: bool) -> None:
    if out.as_json:
        out.document(cards)
        return
    if not (one and len(cards) == 1):
        rows = [
            (each["name"], each["chemistry"], each["cycles"] or "", each["cells"],
             "simulated" if each["simulated"] else "", each["source"][:40])
            for each in cards
        ]  # fmt: skip
        head = ("card", "chemistry", "cycles", "cells", "", "source")
        out.table(head, rows, empty="no cards: no degradation node has told of any")
        return
    told = cards[0]
    out.heading(told["name"])
    plain = ("kind", "chemistry", "cycles", "end_of_life", "cells", "source", "data_sha256",
             "hardware")  # fmt: skip
    out.pairs([(name.replace("_", " "), told[name]) for name in plain])
    out.pairs([("features", ", ".join(told["features"]))])
    out.pairs([(f"initial {name}", value) for name, value in told["initial_parameters"].items()])
    out.pairs([(name, value) for name, value in told["software"].items()])
    rows = [
        (name, *(format(score.get(key, float("nan")), ".4g") for key in _SCORES))
        for name, score in told["scores"].items()
    ]
    if rows:
        out.table(("cells of", "cells", "RMSE", "error", "coverage"), rows, empty="")


_SCORES = ("cells", "rmse", "relative_error", "coverage")
