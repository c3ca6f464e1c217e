"""Reading a question in plain words."""

from __future__ import annotations

import re
from typing import Final

from messages.errors import LabmeshError
from nodes.search import _lexicon as lx
from nodes.search._lexicon import Concept, Lexicon
from nodes.search._reading import KELVIN, NUMBER, Range, Reading, around, instant, tidy, unit_at

_GONE: Final = "\x1f"
"""Stands where something was understood, so that what lay on both sides is not joined."""

_MORE: Final = (
    r"above|over|exceeding|>=|≥|>|at least|(?:greater|more|higher|larger|longer|better) than"
)
_LESS: Final = r"below|under|<=|≤|<|at most|up to|(?:less|lower|smaller|shorter|fewer) than"

_BETWEEN: Final = re.compile(
    rf"(?i)\b(?:between|from)\s+({NUMBER})([^\d]*?)\s*(?:and|to)\s+({NUMBER})"
)
_BOUND: Final = re.compile(rf"(?i)(?:\bof\s+)?(?:(?P<more>{_MORE})|(?P<less>{_LESS}))\s*({NUMBER})")
_AT: Final = re.compile(
    rf"(?i)(?:\bat|@)\s+(?:an?\s+)?(?P<of>(?:[A-Za-z]+\s+){{0,3}}?)(?:of\s+|=\s*)?({NUMBER})"
)
_WIDTH: Final = re.compile(rf"(?i)\s*,?\s*(?:±|\+/?-|plus or minus|within)\s*({NUMBER})")
_WITH: Final = re.compile(
    r"(?i)\b(?P<no>without|free of|not containing|no)\b|\b(?:containing|contains?|including|"
    r"made (?:of|from)|having|with)\b"
)  # fmt: skip
_LIST: Final = re.compile(r"(?i)\s*(?:,|&|\+|/|\band\b|\bor\b|\bof\b|\ba\b)?\s*")
_WORD: Final = re.compile(r"[A-Za-z][\w-]*")

_PLAIN: Final = (
    (
        "campaign",
        re.compile(r"(?i)\b(?:in|of|from|by)?\s*(?:the\s+)?campaign\s+([\w.-]+)"),
    ),
    ("since", re.compile(r"(?i)\b(?:since|after)\s+(\d{4}-\d\d-\d\d(?:T[\d:.]+Z?)?)")),
    ("until", re.compile(r"(?i)\b(?:until|before)\s+(\d{4}-\d\d-\d\d(?:T[\d:.]+Z?)?)")),
    (
        "quality",
        re.compile(
            r"(?i)\b(?:quality|rating|rated)\s*(?:of|from|is)?\s*(?:at least|>=|≥)?\s*([0-5])\b"
        ),
    ),
    (
        "site",
        re.compile(
            r"(?i)\b(?:from|at|of|by)\s+(?:site\s+([a-z][\w-]*)|node\s+([a-z][\w/-]*)|((?-i:[a-z][a-z0-9_-]*/[a-z][a-z0-9_-]*)))"
        ),
    ),
    ("sample", re.compile(r"(?i)\b(?:of\s+)?sample\s+((?=\S*\d)[\w.:-]+)")),
    (
        "method_name",
        re.compile(r"(?i)\b(?:by|with|using)\s+(?:the\s+)?method\s+([a-z][\w-]*)"),
    ),
)
_KIND: Final = re.compile(
    r"(?i)\b(?:(?P<yes>simulated|simulations?|predicted|predictions?|modelled|computed)|"
    r"(?P<no>measured|measurements?|experimental|experiments?))\b"
)  # fmt: skip

_FILLERS: Final = frozenset(
    {
        "a", "an", "the", "of", "in", "on", "for", "with", "and", "or", "that", "which", "is",
        "are", "was", "were", "be", "has", "have", "had", "all", "any", "show", "me", "find",
        "give", "list", "what", "where", "results", "result", "data", "values", "value", "please",
        "from", "by", "at", "to", "their", "its", "whose", "there", "do", "we", "i", "using",
        "measured", "made", "get", "every", "those", "these", "it", "than",
    }
)  # fmt: skip


def read_question(text: str, lexicon: Lexicon) -> Reading:
    """Return what ``text`` asks; words that mean nothing here are noted."""
    reading = Reading()
    rest = _plain(tidy(text), reading)
    rest = _ranges(rest, reading, lexicon)
    rest = _substances(rest, reading, lexicon)
    _concepts(rest, reading, lexicon)
    return reading


def _plain(text: str, reading: Reading) -> str:
    """Take what is said in fixed words: campaign, days, quality, site, measured or simulated."""
    for name, pattern in _PLAIN:
        if found := pattern.search(text):
            value = next(group for group in found.groups() if group)
            try:
                kept = instant(value, name) if name in {"since", "until"} else value
            except LabmeshError:
                continue
            setattr(reading, name, int(kept) if name == "quality" else kept)
            shown = "least quality" if name == "quality" else name.replace("_name", "")
            reading.means(found[0], f"{shown} {kept}")
            text = _without(text, *found.span())
    if found := _KIND.search(text):
        reading.simulated = found["yes"] is not None
        reading.means(found[0], "only simulated" if reading.simulated else "only measured")
        text = _without(text, *found.span())
    return text


def _ranges(text: str, reading: Reading, lexicon: Lexicon) -> str:
    """Take numbers with their units: bounds on the value, and conditions."""
    ranges = list[tuple[str, Range, Concept | None, bool]]()
    while True:
        taken = _between(text, lexicon) or _condition(text, lexicon) or _bound(text, lexicon)
        if taken is None:
            break
        text, phrase, interval, said, is_condition = taken
        ranges.append((phrase, interval, said, is_condition))
    main = _first_quantity(text, lexicon)
    if main is None:
        # "viscosity below 5 mPa.s": what is compared is what is asked for.
        main = reading.quantity = next((said for _, _, said, at in ranges if said and not at), None)
        if main is not None:
            reading.means(main.words, f"quantity {main.words}", main)
    for phrase, interval, said, is_condition in ranges:
        other = said is not None and main is not None and said.iri != main.iri
        if not is_condition and not other and reading.bound is None:
            reading.bound = interval
            reading.means(phrase, f"value {interval.words()}")
        else:
            reading.conditions.append(interval)
            is_kelvin = interval.unit is not None and interval.unit.dimension == KELVIN
            of = said.words if said else "temperature" if is_kelvin else "condition"
            reading.means(phrase, f"{of} {interval.words()}", said)
    return text


_Taken = tuple[str, str, Range, Concept | None, bool]


def _between(text: str, lexicon: Lexicon) -> _Taken | None:
    found = _BETWEEN.search(text)
    if found is None:
        return None
    unit, length = unit_at(text[found.end() :])
    said, start = _named_before(text, found.start(), lexicon)
    ends = sorted(float(found[group]) for group in (1, 3))
    low, high = (unit.to_si(end) if unit else end for end in ends)
    end = found.end() + length
    return _without(text, start, end), text[start:end], Range(low, high, unit, said), said, False


def _bound(text: str, lexicon: Lexicon) -> _Taken | None:
    found = _BOUND.search(text)
    if found is None:
        return None
    unit, length = unit_at(text[found.end() :])
    said, start = _named_before(text, found.start(), lexicon)
    value = float(found[found.lastindex or 0])
    value = unit.to_si(value) if unit else value
    low, high = (value, None) if found["more"] else (None, value)
    end = found.end() + length
    return _without(text, start, end), text[start:end], Range(low, high, unit, said), said, False


def _condition(text: str, lexicon: Lexicon) -> _Taken | None:
    found = _AT.search(text)
    if found is None:
        return None
    said = lexicon.find(found["of"].strip(), lx.QUANTITY) if found["of"].strip() else None
    unit, length = unit_at(text[found.end() :])
    end = found.end() + length
    width = None
    if wide := _WIDTH.match(text[end:]):
        width = float(wide[1])
        other, length = unit_at(text[end + wide.end() :])
        if other is not None and unit is not None:
            width *= other.factor / unit.factor
        end += wide.end() + length
    interval = around(float(found[2]), unit, width, said)
    return _without(text, found.start(), end), text[found.start() : end], interval, said, True


def _substances(text: str, reading: Reading, lexicon: Lexicon) -> str:
    """Take what is or is not in a sample: ``containing LiPF6, EC and EMC``."""
    at = 0
    while found := _WITH.search(text, at):
        kept = reading.without if found["no"] else reading.containing
        end, names = found.end(), list[Concept]()
        while True:
            gap = _LIST.match(text, end)
            begin = gap.end() if gap else end
            words = _words_from(text, begin)
            hit = lexicon.longest([word for word, _ in words], lx.SUBSTANCE)
            if hit is None:
                break
            concept, count = hit
            names.append(concept)
            end = words[count - 1][1]
        if not names:
            at = found.end()
            continue
        kept.extend(names)
        verb = "not containing" if found["no"] else "containing"
        for each in names:
            reading.means(text[found.start() : end], f"{verb} {each.label}", each)
        text = _without(text, found.start(), end)
    return text


def _concepts(text: str, reading: Reading, lexicon: Lexicon) -> None:
    """Take the quantity, the kind of sample, the method, and further substances."""
    places = {
        lx.QUANTITY: "quantity", lx.METHOD: "method", lx.OBJECT: "object",
    }  # fmt: skip
    for stretch in re.split(rf"[{_GONE},;:?!()]", text):
        reading.ignored += re.findall(rf"(?<![\w.]){NUMBER}(?!\w)", stretch)
        words = [word for word, _ in _words_from(stretch, 0)]
        at = 0
        while at < len(words):
            hit = lexicon.longest(words[at:], lx.QUANTITY, lx.SUBSTANCE, lx.OBJECT, lx.METHOD)
            if hit is None or words[at].lower() in _FILLERS:
                if words[at].lower() not in _FILLERS:
                    reading.ignored.append(words[at])
                at += 1
                continue
            concept, count = hit
            phrase = " ".join(words[at : at + count])
            at += count
            if concept.kind == lx.SUBSTANCE:
                reading.containing.append(concept)
                reading.means(phrase, f"containing {concept.label}", concept)
                continue
            place = places[concept.kind]
            if getattr(reading, place) is not None:
                reading.ignored.append(phrase)
                continue
            setattr(reading, place, concept)
            shown = "sample" if place == "object" else place
            reading.means(phrase, f"{shown} {concept.words}", concept)


def _first_quantity(text: str, lexicon: Lexicon) -> Concept | None:
    words = [word for word, _ in _words_from(text, 0, over_gaps=True)]
    for at in range(len(words)):
        if hit := lexicon.longest(words[at:], lx.QUANTITY):
            return hit[0]
    return None


def _named_before(text: str, end: int, lexicon: Lexicon) -> tuple[Concept | None, int]:
    """Return the quantity whose name stands directly before, and where that begins."""
    before = re.sub(r"\s+(?:is|are|of|was|were)\s*$", " ", text[:end])
    words = list(_WORD.finditer(before))
    if not words or before[words[-1].end() :].strip():
        return None, end
    for count in range(min(len(words), 4), 0, -1):
        begin = words[-count].start()
        if _GONE not in before[begin:] and (
            found := lexicon.find(before[begin:].strip(), lx.QUANTITY)
        ):
            return found, begin
    return None, end


def _words_from(text: str, begin: int, *, over_gaps: bool = False) -> list[tuple[str, int]]:
    """Return the words that follow, and where each ends."""
    found: list[tuple[str, int]] = []
    for each in _WORD.finditer(text, begin):
        if not over_gaps and re.search(rf"[{_GONE},;]", text[begin : each.start()]):
            break
        found.append((each[0], each.end()))
    return found


def _without(text: str, begin: int, end: int) -> str:
    return f"{text[:begin]} {_GONE} {text[end:]}"
