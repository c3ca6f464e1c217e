from __future__ import annotations

from rdflib import RDFS, SKOS, Graph, URIRef

from labmesh.semantics import excerpt, vocabulary

USED = ("MolecularDynamicsSimulation", "ElectrolyticConductivity", "prov:Entity", "unheard of")


def test_it_says_what_each_class_means_and_all_that_is_above_it() -> None:
    known, graph = vocabulary(), Graph().parse(data=excerpt(USED), format="turtle")
    for label in USED[:2]:
        iri = URIRef(known.iri(label))
        assert str(graph.value(iri, SKOS.prefLabel)) == label
        assert graph.value(iri, SKOS.definition) is not None
        above = {str(each) for each in graph.transitive_objects(iri, RDFS.subClassOf)}
        assert above == known.superclasses(str(iri))
    assert str(graph.value(URIRef(known.iri("hasOutput")), SKOS.prefLabel)) == "hasOutput"
    assert str(graph.value(URIRef(known.unit("S/m")), SKOS.prefLabel)) == "SiemensPerMetre"
    assert (URIRef(known.iri("CoinCell")), None, None) not in graph


def test_it_is_the_same_for_the_same_labels() -> None:
    assert excerpt(USED) == excerpt(reversed(USED))


def test_words_with_quotes_and_line_breaks_are_read_back() -> None:
    everything = [entry.label for entry in vocabulary().entries()]
    graph = Graph().parse(data=excerpt(everything), format="turtle")
    words = vocabulary().definition(vocabulary().unit("1"))
    assert '"' in words
    assert str(graph.value(URIRef(vocabulary().unit("1")), SKOS.definition)) == words
