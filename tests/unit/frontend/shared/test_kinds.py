"""What the web app says of an answer, whichever page asks."""

from typing import Any

import pytest

from sightserve.api.schema import Kind, Prediction
from sightserve.frontend.shared.kinds import NONE_APPLIES, NOTHING, verdict

LABELS = ["tabby", "Egyptian cat", "lion", "beagle", "boxer", "espresso", "sunglasses", "palace"]
KINDS = [
    Kind(name="animal", classes=[0, 1, 2, 3, 4]),
    Kind(name="cat", classes=[0, 1]),
    Kind(name="animal of the cat family", classes=[0, 1, 2]),
    Kind(name="dog", classes=[3, 4]),
]


def answer(*how: str, **probabilities: float) -> Prediction:
    """The named labels with these probabilities, underscores for spaces; `how`: "independent", "unrecognised"."""
    ranked = sorted(probabilities.items(), key=lambda entry: -entry[1])
    top_k = [
        {"index": LABELS.index(name.replace("_", " ")), "label": name.replace("_", " "), "probability": probability}
        for name, probability in ranked
    ]
    content: dict[str, Any] = {
        "prediction": top_k[0]["label"],
        "probability": top_k[0]["probability"],
        "recognised": "unrecognised" not in how,
        "top_k": top_k,
        "model": {"name": "m", "version": "1", "outputs": "independent" if "independent" in how else "exclusive"},
        "image": {"width": 4, "height": 3, "format": "JPEG"},
        "timing_ms": {"queue": 0, "decode": 1, "inference": 2},
    }
    return Prediction.model_validate(content)


def test_a_label_that_is_fairly_sure_is_said_alone():
    said = verdict(answer(tabby=0.6, Egyptian_cat=0.39), KINDS)

    assert (said.headline, said.kind_name, said.tone) == ("tabby", None, "sure")
    assert said.badge == "Fairly sure · 60%"


def test_several_unsure_kinds_of_one_thing_are_said_as_that_with_the_sum():
    said = verdict(answer(Egyptian_cat=0.5, tabby=0.42, espresso=0.08), KINDS)

    assert said.headline == "A cat, perhaps an Egyptian cat"
    assert (said.kind_name, said.number, said.sure_words, said.tone) == ("cat", "92%", "Very sure", "sure")
    assert said.probability == pytest.approx(0.92)
    assert "“Egyptian cat” alone has 50%" in said.note
    assert said.spoken == "A cat, perhaps an Egyptian cat: Very sure · 92%"


def test_the_most_specific_kind_that_is_sure_is_said():
    wide = verdict(answer(tabby=0.4, lion=0.3, boxer=0.2), KINDS)
    wider = verdict(answer(tabby=0.4, boxer=0.3, beagle=0.2), KINDS)

    assert wide.headline == "An animal of the cat family, perhaps a tabby"
    assert wider.headline == "An animal, perhaps a tabby"


def test_a_kind_that_adds_little_to_its_label_is_not_said():
    # 0.55 + 0.1 is fairly sure, but less than 1.3 times 0.55
    said = verdict(answer(tabby=0.55, Egyptian_cat=0.1, espresso=0.3), KINDS)

    assert (said.headline, said.badge) == ("tabby", "Leaning towards this · 55%")


def test_a_kind_without_the_best_label_is_not_said():
    assert verdict(answer(espresso=0.36, tabby=0.33, Egyptian_cat=0.31), KINDS).headline == "espresso"


@pytest.mark.parametrize(
    ("label", "kinds", "headline"),
    [
        ("palace", KINDS, "Perhaps a palace"),
        ("sunglasses", KINDS, "Perhaps sunglasses"),
        ("palace", [], "Perhaps palace"),
    ],
)
def test_below_the_threshold_it_is_a_guess_and_nouns_of_a_model_that_has_kinds_get_an_article(label, kinds, headline):
    said = verdict(answer(**{label: 0.3}), kinds, threshold=0.35)

    assert (said.headline, said.badge, said.tone) == (headline, "Not sure · 30%", "unsure")
    assert "closer or brighter" in said.note


def test_what_people_take_for_sure_is_their_own_choice():
    assert verdict(answer(palace=0.3), threshold=0.2).badge == "Leaning towards this · 30%"
    assert verdict(answer(palace=0.7), threshold=0.9).badge == "Not sure · 70%"


@pytest.mark.parametrize("found", [answer(palace=0.09, tabby=0.05), answer("unrecognised", palace=0.8, tabby=0.1)])
def test_where_no_label_stands_out_nothing_is_named_and_the_nearest_are_told(found):
    said = verdict(found, KINDS)

    assert (said.headline, said.probability, said.number) == (NOTHING, None, "")
    assert said.badge == "Not sure"
    assert said.closest == ("palace", "tabby")
    assert "Closest: palace, tabby." in said.note


def test_of_two_labels_neither_of_which_is_seen_the_nearer_one_is_told():
    said = verdict(answer("unrecognised", palace=0.55, tabby=0.45))

    assert (said.headline, said.closest) == (NOTHING, ("palace",))


def test_many_unlikely_labels_of_one_kind_are_that_kind():
    said = verdict(answer(tabby=0.35, Egyptian_cat=0.34, lion=0.3), KINDS)

    assert said.headline == "A cat, perhaps a tabby"


def test_of_independent_labels_all_that_apply_are_said_or_none():
    several = verdict(answer("independent", tabby=0.9, palace=0.7, lion=0.1), KINDS)
    none = verdict(answer("independent", tabby=0.2, palace=0.1), KINDS)

    assert (several.headline, several.badge) == ("tabby, palace", "2 labels apply · 90% · 70%")
    assert (none.headline, none.badge) == (NONE_APPLIES, "No label applies · at most 20%")
    assert "Nearest: tabby." in none.note


def test_of_very_many_independent_labels_that_apply_the_first_are_named_and_all_counted():
    said = verdict(answer("independent", **{name.replace(" ", "_"): 0.9 for name in LABELS}))

    assert said.headline == f"{', '.join(LABELS[:4])} and 4 more"
    assert said.badge == "8 labels apply · 90% · 90% · 90% · 90%"
