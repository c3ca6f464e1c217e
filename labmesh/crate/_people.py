"""Authors, owners and contacts as entities of an RO-Crate."""

from __future__ import annotations

from typing import Any

from labmesh.crate._description import Affiliation, Author, CrateDescription
from labmesh.crate._entities import Entities, one_or_all, slug
from labmesh.crate._facts import Facts
from messages.model import JsonObject


def describe_people(entities: Entities, said: CrateDescription, facts: Facts) -> JsonObject:
    """Add who made it, whose it is and whom to ask; return the root's properties.

    The ``.eln`` format knows one ``author``: the first; ``creator`` are all of them.
    """
    authors = [_author(entities, each) for each in said.authors]
    owner = _owner(entities, said, facts)
    affiliations = [each for author in said.authors for each in author.affiliations]
    publisher = owner or (_organisation(entities, affiliations[0]) if affiliations else None)
    return {
        "author": authors[0] if authors else None,
        "creator": one_or_all(authors) if authors else None,
        "copyrightHolder": owner,
        "publisher": publisher,
        "contactPoint": _contact(entities, said, facts),
    }


def describe_references(entities: Entities, said: CrateDescription) -> Any:
    """Add the publications and data sets that it belongs to."""
    found = [
        entities.add(
            each.identifier, "CreativeWork", name=each.title or each.identifier,
            url=each.identifier if "://" in each.identifier else None,
            identifier=each.identifier,
            description=f"This crate {each.relation.replace('_', ' ')} it",
        )
        for each in said.references
    ]  # fmt: skip
    return one_or_all(found) if found else None


def author_id(author: Author) -> str:
    """Return the identity of an author's entity."""
    return author.orcid or f"#person-{slug(author.full)}"


def _author(entities: Entities, author: Author) -> JsonObject:
    organisations = [_organisation(entities, each) for each in author.affiliations]
    return entities.add(
        author_id(author), "Person", name=author.full,
        familyName=author.family, givenName=author.given, identifier=author.orcid,
        affiliation=one_or_all(organisations) if organisations else None,
    )  # fmt: skip


def _organisation(entities: Entities, one: Affiliation) -> JsonObject:
    return entities.add(
        one.ror or f"#organisation-{slug(one.name)}", "Organization", name=one.name, url=one.ror
    )


def _owner(entities: Entities, said: CrateDescription, facts: Facts) -> JsonObject | None:
    owner = said.rights_holder
    if owner is None:
        return (
            entities.add(f"#owner-{slug(facts.owner)}", "Organization", name=facts.owner)
            if facts.owner
            else None
        )
    kind = "Person" if owner.orcid else "Organization"
    identity = owner.orcid or owner.ror or f"#owner-{slug(owner.name)}"
    return entities.add(identity, kind, name=owner.name)


def _contact(entities: Entities, said: CrateDescription, facts: Facts) -> JsonObject | None:
    if said.contact is not None:
        mail = said.contact.email
        identity = f"mailto:{mail}" if mail else f"#contact-{slug(said.contact.name)}"
        return entities.add(
            identity, "ContactPoint", name=said.contact.name, email=mail,
            contactType="access and questions",
        )  # fmt: skip
    if facts.contact:
        return entities.add(
            f"#contact-{slug(facts.contact)}", "ContactPoint", name=facts.contact,
            contactType="access and questions",
        )  # fmt: skip
    return None
