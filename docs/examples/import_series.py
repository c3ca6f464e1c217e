"""Post an old measurement with its file: `python import_series.py series.csv`."""

import asyncio
import sys

from labmesh import connect
from messages.ledger import Result


async def main(file: str) -> None:
    """Attach the file, and post a result that names it."""
    async with connect(name="importer") as lab:
        result = Result(
            quantity="image",
            method="camera",
            parameters={"pixels": 1},
            outcome="resolved",
            data={"pixels": 1},
            artifacts=(await lab.attach(file),),
        )
        print(await lab.post_result(result))
    # The block ends when the ledger has the file, too.


asyncio.run(main(sys.argv[1]))
