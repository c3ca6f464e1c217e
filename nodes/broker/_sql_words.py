"""What is said when a statement cannot be run."""

from __future__ import annotations

from messages.errors import ConfigurationError, LabmeshError


def wrong(what: str, sql: str, position: int | None, remedy: str = "") -> ConfigurationError:
    """Return a complaint about a statement.

    Args:
        what: The database's words.
        sql: The statement.
        position: Index of the character that the complaint is about, where known.
        remedy: What to write instead.
    """
    where = "SQL"
    if position is not None:
        before = sql[:position]
        where = f"SQL, line {before.count(chr(10)) + 1}, column {position - before.rfind(chr(10))}"
    return ConfigurationError(
        what.strip(), where=where, remedy=remedy or "`labmesh ledger query` lists the tables"
    )


def writes(what: str) -> ConfigurationError:
    """Return the refusal of whatever is not plain reading."""
    return ConfigurationError(
        f"{what} is refused: a ledger is only read here",
        where="SQL",
        remedy="ask with one SELECT, or WITH ... SELECT, on the ledger's tables",
    )


def stopped(seconds: float | None) -> LabmeshError:
    """Return why a statement ended early: the time limit if given, else somebody's wish."""
    if seconds is None:
        return LabmeshError("the statement was interrupted", where="SQL")
    return LabmeshError(
        f"the statement took longer than {seconds:g} s",
        where="SQL",
        remedy="narrow it down, or allow more by --timeout",
    )
