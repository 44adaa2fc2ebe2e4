"""Labels in sentences."""

import pytest

from sightserve.frontend.shared.english import sentence, with_article


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tabby", "a tabby"),
        ("Egyptian cat", "an Egyptian cat"),
        ("European gallinule", "a European gallinule"),
        ("unicycle", "a unicycle"),
        ("umbrella", "an umbrella"),
        ("hourglass", "an hourglass"),
        ("hen", "a hen"),
        ("iPod", "an iPod"),
        ("CD player", "a CD player"),
        ("X-ray", "an X-ray"),
        ("school bus", "a school bus"),
        ("beer glass", "a beer glass"),
        ("lens cap", "a lens cap"),
        ("triceratops", "a triceratops"),
        ("crane (bird)", "a crane (bird)"),
        ("maillot (tights)", "a maillot (tights)"),
        ("animal of the cat family", "an animal of the cat family"),
        ("sunglasses", "sunglasses"),
        ("parallel bars", "parallel bars"),
        ("red wine", "red wine"),
        ("broccoli", "broccoli"),
        ("chain mail", "chain mail"),
        ("", "a "),
    ],
)
def test_a_noun_has_the_article_that_people_say(name, said):
    assert with_article(name) == said


def test_a_sentence_begins_with_a_capital_and_leaves_names_alone():
    assert sentence("an iPod") == "An iPod"
