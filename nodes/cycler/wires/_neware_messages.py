"""Messages of Neware's BTS 8 API: XML documents over TCP.

A document ``<bts version="1.0">`` with one ``<cmd>`` and, mostly, a list, ended by two line feeds,
``#`` and CR LF; the answer's command is the question's with ``_resp`` ("donwload_resp" by BTS'
own spelling). Source: Neware's *BTS API*, and the answers of a BTS 8.0 kept by the project
aurora-neware (Empa).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from labmesh.wire import WireError

END: Final = b"\n\n#\r\n"

_HEAD: Final = b'<?xml version="1.0" encoding="UTF-8" ?>'


def document(command: str, *children: Element) -> bytes:
    """Return a document, its end included."""
    root = Element("bts", version="1.0")
    SubElement(root, "cmd").text = command
    root.extend(children)
    body: bytes = tostring(root, encoding="utf-8", xml_declaration=False)
    return _HEAD + body + END


def element(tag: str, text: str = "", children: Iterable[Element] = (), **values: Any) -> Element:
    """Return an element with attributes."""
    made = Element(tag, {name: str(value) for name, value in values.items()})
    made.text = text or None
    made.extend(children)
    return made


def list_of(items: list[Element], tag: str = "list") -> Element:
    """Return a list, which states its length."""
    return element(tag, children=items, count=len(items))


def parse(data: bytes, where: str) -> tuple[str, Element]:
    """Return a document's command and the document.

    Entities and document types, which could eat the memory, are refused.

    Raises:
        WireError: It is no document of this API.
    """
    try:
        root: Element = fromstring(data.removesuffix(END).strip())
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise WireError(
            f"no BTS document: {error}", where=where, remedy="is this the API's port of BTS 8?"
        ) from None
    command = root.findtext("cmd")
    if root.tag != "bts" or not command:
        raise WireError(f"a <{root.tag}> without <cmd> is no BTS document", where=where)
    return command, root


def number(values: Mapping[str, str], name: str) -> float | None:
    """Return an attribute as a number; None where BTS says ``--`` or nothing."""
    try:
        return float(values[name])
    except (KeyError, ValueError):
        return None


def whole(values: Mapping[str, str], name: str) -> int:
    """Return an attribute as a whole number; -1, which fits nothing, where it is none."""
    text = values.get(name, "")
    return int(text) if text.isdecimal() else -1
