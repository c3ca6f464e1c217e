"""``README.md`` of a crate: how a stranger reads it."""

from __future__ import annotations

from collections.abc import Sequence

from labmesh.crate import _types as names
from labmesh.crate._facts import Facts

_TEXT = """\
# {title}

{description}

{licence}. Access: {conditions}. Version {version}, {published}; kept until {retain_until} at least.
{sources}
## What is here

| file | what |
|---|---|
| `{metadata}` | [RO-Crate 1.2](https://w3id.org/ro/crate/1.2): every file, its origin and hash |
| `{results}` | what was measured, computed or made: parameters, data, provenance |
| `{requests}` | what was asked for, and what became of it |
| `{samples}` | samples, what they were made from, and the line of their states |
| `{capabilities}` | JSON Schemas of everything asked and answered, with units and terms |
| `{database}` | the same as flat tables; its table `described` says what each column is |
| `{graph}` | the same as linked data (JSON-LD): EMMO and its domains, PROV-O, schema.org |
| `{terms}` | what its terms mean, and what they are sub-classes of |
| `data/` | files of results, a folder a result; beside each Parquet table the same as gzip'ed CSV |
| `ledger-*.msgpack.gz` | the laboratory's own record, bit for bit, chained by hashes |
| `{hashes}` | sha256 of all of them |

## Is it whole?

```sh
sha256sum -c {hashes}
```

## Read it

With Python and pandas, in this folder:

```python
import sqlite3

import pandas

results = pandas.read_json("{results}")
print(results[["quantity", "method", "outcome", "begun", "simulated"]])

tables = sqlite3.connect("{database}")
print(pandas.read_sql("SELECT * FROM described", tables))
values = pandas.read_sql("SELECT * FROM result_values WHERE kind = 'number'", tables)
print(values.groupby(["path", "unit"]).number.describe())
```
{tables}
Times are UTC. Units are SI and stand beside each value. Arrays are lists; `simulated` says where no
real instrument was involved.

As linked data, with rdflib:

```python
import rdflib

graph = rdflib.Graph().parse("{graph}", format="json-ld").parse("{terms}")
print(len(graph), "triples")
```

## The record

Each segment is gzip'ed [msgpack](https://msgpack.org): a map that says what it is, an array for
each entry, a map that ends it. An entry's hash covers its body's hash and the entry before.
{withheld} This proves all of it:

```python
import glob
import gzip
import hashlib

import msgpack

for name in sorted(glob.glob("ledger-0*.msgpack.gz")):
    with gzip.open(name) as file:
        values = msgpack.Unpacker(file)
        about = next(values)
        previous = about["previous"]
        for number in range(about["entries"]):
            entry = dict(zip(about["columns"], next(values)))
            assert entry["offset"] == about["first"] + number
            if entry["body"] is not None:
                assert entry["body_hash"] == hashlib.sha256(entry["body"]).digest()
            fields = "offset uuid kind stamp load_time author type schema body_hash".split()
            chained = ["labmesh.entry.1", *(entry[field] for field in fields), previous]
            previous = hashlib.sha256(msgpack.packb(chained)).digest()
            assert entry["hash"] == previous
        assert next(values)["head"] == previous
        print(name, about["entries"], "entries, all sound")
```
"""

_TABLE = """
A table of a result, as Parquet (with pyarrow) or as CSV:

```python
import pandas

print(pandas.read_parquet("{parquet}").head())
print(pandas.read_csv("{csv}").head())
```

`{csv}-metadata.json` says what each column is and in which unit
([CSVW](https://www.w3.org/ns/csvw)).
"""


def readme(
    facts: Facts,
    licence: str,
    table: tuple[str, str] | None,
    withheld: dict[str, int],
    sources: Sequence[str] = (),
) -> str:
    """Return the file's content.

    Args:
        facts: What is said of the crate as a whole.
        licence: Its name and URL.
        table: A Parquet file of the crate and its CSV, for the example; None where there is none.
        withheld: Bodies that stay behind, by reason.
        sources: Others' work that it holds, each as it is to be named.
    """
    return _TEXT.format(
        title=facts.title,
        description=facts.description,
        licence=licence,
        conditions=facts.conditions,
        version=facts.version,
        published=facts.published,
        retain_until=facts.retain_until,
        metadata=names.METADATA,
        results=names.RESULTS,
        requests=names.REQUESTS,
        samples=names.SAMPLES,
        capabilities=names.CAPABILITIES,
        database=names.DATABASE,
        graph=names.GRAPH,
        terms=names.TERMS,
        hashes=names.HASHES,
        sources="".join(f"\nIt holds data of others: {each}.\n" for each in sources),
        tables=_TABLE.format(parquet=table[0], csv=table[1]) if table else "",
        withheld=_withheld(withheld),
    )


def _withheld(counts: dict[str, int]) -> str:
    if not counts:
        return "Every body is here."
    other, secret = counts.get("other_campaign", 0), counts.get("confidential", 0)
    parts = [f"{other} of other campaigns"] if other else []
    parts += [f"{secret} confidential ones"] if secret else []
    return f"Of some entries ({' and '.join(parts)}) only the header is here, their body is nil."
