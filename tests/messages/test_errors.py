from __future__ import annotations

import inspect

import pytest

from messages import errors
from messages.errors import (
    CallRefusedError,
    LabmeshError,
    MessageError,
    OrderError,
    OrderVoidError,
    RequestFailedError,
)

CLASSES = [
    member for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, LabmeshError)
]  # fmt: skip


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_says_what_where_and_what_to_do(error: type[LabmeshError]) -> None:
    full = error("the stock is empty", where="stock.2", remedy="refill it")
    assert str(full) == "stock.2: the stock is empty; refill it"
    assert (full.what, full.where, full.remedy) == ("the stock is empty", "stock.2", "refill it")
    assert str(error("the stock is empty", remedy="refill it")) == "the stock is empty; refill it"
    assert str(error("the stock is empty", where="stock.2")) == "stock.2: the stock is empty"
    assert str(error("the stock is empty")) == "the stock is empty"


@pytest.mark.parametrize("error", CLASSES)
def test_the_tree_in_the_docstring_is_complete(error: type[LabmeshError]) -> None:
    assert errors.__doc__
    assert error.__name__ in errors.__doc__
    assert error.__doc__


def test_what_some_errors_carry_besides() -> None:
    assert OrderError("x").retryable is False
    assert OrderError("x", retryable=True).retryable is True
    assert issubclass(OrderVoidError, OrderError)
    assert CallRefusedError("x", code="failed").code == "failed"
    assert RequestFailedError("x", status="expired").status == "expired"
    assert {e.__name__ for e in MessageError.__subclasses__()} == {
        "DecodeError", "UnknownTypeError", "SchemaMismatchError", "BodyError",
    }  # fmt: skip
