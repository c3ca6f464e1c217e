"""What a JSON Schema costs at worst: a stranger's must not keep the ledger busy for hours.

References may multiply: thirty definitions that each name the next one twice ask for 2^30 looks at
a single number. So the looks are counted before a schema is compiled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

from messages.envelope import MAX_KEPT_DEPTH
from messages.errors import BodyError

MOST: Final = 2000
"""Most looks at one place of a value and at what it lies in. The largest schema of the common
vocabulary asks for 22. A list of 30 000 numbers under a schema of twice that takes 0.7 s."""

_HERE: Final = ("allOf", "anyOf", "oneOf")
_ALSO_HERE: Final = ("not", "if", "then", "else")
_NAMED_HERE: Final = ("dependentSchemas", "dependencies")
_BELOW: Final = (
    "additionalProperties", "unevaluatedProperties", "propertyNames", "items", "additionalItems",
    "unevaluatedItems", "contains",
)  # fmt: skip
_ONE_BELOW: Final = ("properties", "prefixItems", "items")
_UNEVALUATED: Final = ("unevaluatedProperties", "unevaluatedItems")
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")


def check_cost(schema: Any) -> None:
    """Do nothing where a schema can be checked against any message in reasonable time.

    Raises:
        BodyError: It cannot, or it refers to itself without going deeper into the value.
    """
    try:
        _Count(schema).looks(schema, MAX_KEPT_DEPTH)
    except RecursionError:
        raise BodyError(
            "the schema is a chain of too many references",
            remedy="let its definitions refer to others directly",
        ) from None


class _Count:
    def __init__(self, root: Any) -> None:
        self._known: dict[tuple[int, int], int] = {}
        self._open: set[tuple[int, int]] = set()
        self._roots = [root]
        self._anchors: dict[str, list[Any]] = defaultdict(list)
        for each in _dicts(root):
            if each is not root and "$id" in each:
                self._roots.append(each)
            for word in ("$anchor", "$dynamicAnchor"):
                if isinstance(each.get(word), str):
                    self._anchors[each[word]].append(each)

    def looks(self, schema: Any, depth: int) -> int:
        """Return how many subschemas see a value that is nested ``depth`` deep, on one way down."""
        if not isinstance(schema, dict):
            return 1
        key = (id(schema), depth)
        found = self._known.get(key)
        if found is not None:
            return found
        if key in self._open:
            raise BodyError(
                "the schema refers to itself without going deeper into the value",
                remedy="let a schema refer to itself only below properties or items",
            )
        self._open.add(key)
        count = 1 + self._here(schema, depth)
        if depth:
            count += self._below(schema, depth - 1)
        # To know what is left over, the neighbours are looked at once more.
        count *= 2 if any(word in schema for word in _UNEVALUATED) else 1
        if count > MOST:
            raise BodyError(
                f"the schema asks for more than {MOST} looks at one place of a value",
                remedy="let its definitions refer to fewer others, and not in many alternatives",
            )
        self._open.remove(key)
        self._known[key] = count
        return count

    def _here(self, schema: dict[str, Any], depth: int) -> int:
        found = [each for word in _HERE for each in _items(schema.get(word))]
        found += [schema[word] for word in _ALSO_HERE if word in schema]
        found += [each for word in _NAMED_HERE for each in _values(schema.get(word))]
        count = sum(self.looks(each, depth) for each in found)
        for word in _REFERENCES:
            targets = self._targets(schema.get(word))
            count += max((self.looks(each, depth) for each in targets), default=0)
        return count

    def _below(self, schema: dict[str, Any], depth: int) -> int:
        found = [schema[word] for word in _BELOW if isinstance(schema.get(word), dict)]
        found += _values(schema.get("patternProperties"))
        count = sum(self.looks(each, depth) for each in found)
        for word in _ONE_BELOW:
            some = schema.get(word)
            each_one = _values(some) if word == "properties" else _items(some)
            count += max((self.looks(each, depth) for each in each_one), default=0)
        return count

    def _targets(self, reference: Any) -> list[Any]:
        """Return every subschema that a reference could mean; the validator knows which it does."""
        if not isinstance(reference, str):
            return []
        base, _, fragment = reference.partition("#")
        fragment = unquote(fragment)
        if fragment and not fragment.startswith("/"):
            return self._anchors.get(fragment, [])
        found = [_at(root, fragment) for root in self._roots if _may_be(root, base)]
        return [each for each in found if each is not None]


def _may_be(root: Any, base: str) -> bool:
    """Tell whether ``base`` could be how a reference names ``root``; one elsewhere is not ours."""
    if not base or "." in base or "%" in base:
        return not base or isinstance(root.get("$id"), str)
    return str(root.get("$id", "")).rstrip("#").rpartition("/")[2] == base.rpartition("/")[2]


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for each in [*_values(value), *_items(value)]:
        yield from _dicts(each)


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _values(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else []


def _at(root: Any, pointer: str) -> Any:
    """Return what a JSON pointer names, or None."""
    found = root
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = found.get(name)
        elif isinstance(found, list | tuple) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found
