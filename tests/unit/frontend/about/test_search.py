"""Looking for a label."""

from sightserve.api.schema import Kind
from sightserve.frontend.about.search import kind_named, matching


def test_whole_words_come_before_beginnings_and_these_before_the_rest():
    labels = ["polecat", "catamaran", "Egyptian cat", "cat-bear", "scat", "Cat", "tiger cat"]

    assert matching(labels, " cat ") == ["Egyptian cat", "cat-bear", "Cat", "tiger cat", "catamaran", "polecat", "scat"]


def test_what_is_typed_is_no_pattern():
    assert matching(["a.b", "axb"], "a.b") == ["a.b"]
    assert matching(["crane (bird)"], "(bird)") == ["crane (bird)"]
    assert matching(["tabby"], "  ") == []


def test_a_kind_is_found_by_its_name_in_one_or_many():
    kinds = [Kind(name="dog", classes=[1, 2]), Kind(name="sled dog", classes=[1, 2])]

    assert [kind_named(kinds, word) for word in ("Dog", " dogs", "do", "")] == [kinds[0], kinds[0], None, None]
