"""The report's page: one file that loads nothing, and in which no name means anything to a browser."""

import re
from html.parser import HTMLParser

import pytest
from tests import training_report

from sightserve.training.facts import Interval
from sightserve.training.report.page import page, shown
from sightserve.training.report.pictures import SIDE, Picture, pictures

VOID = {"meta", "img", "line", "rect", "circle", "polyline"}


class Elements(HTMLParser):
    """All elements with their attributes, and whether each was closed."""

    def __init__(self, text):
        super().__init__()
        self.all, self.open, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.all.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.all.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.all if name == tag]


@pytest.fixture(scope="module")
def report():
    return training_report.report()


@pytest.fixture(scope="module")
def made(report, tmp_path_factory):
    return pictures(shown(report), training_report.draw(tmp_path_factory.mktemp("photos")))


@pytest.fixture(scope="module")
def text(report, made):
    return page(report, made)


def test_photos_are_shown_small_and_one_that_is_none_is_named(report, made, text):
    shown_as = {name: each for name, each in made.items() if isinstance(each, Picture)}
    figures = text.partition('id="mistakes"')[2].partition("</section>")[0]

    assert len(made) == 6
    assert made["unripe/broken.jpg"] == "no photo that can be shown"
    assert {max(each.width, each.height) for each in shown_as.values()} == {SIDE}
    assert figures.count("data:image/jpeg;base64,") == 3
    assert "no photo that can be shown" in figures
    assert "unripe/broken.jpg" in figures


@pytest.fixture
def bare(report):
    return Elements(page(report, {}))


def test_nothing_is_loaded_and_nothing_runs_whatever_files_and_labels_are_called(bare):
    [policy] = [each["content"] for each in bare.of("meta") if each.get("http-equiv") == "Content-Security-Policy"]
    addresses = [attributes.get(name, "") for _, attributes in bare.all for name in ("src", "href", "action", "data")]

    assert bare.open == []
    assert not bare.of("script")
    assert not bare.of("b")
    assert not any(addresses)
    assert not any(name.startswith("on") or name == "style" for _, attributes in bare.all for name in attributes)
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert training_report.HOSTILE in "".join(bare.words)


def test_no_name_is_turned_around_or_steers_what_shows_it(bare):
    words = "".join(bare.words)

    assert "\u202e" not in words
    assert "\\u202egpj.exe" in words
    assert "notes\\x1b[2J.jpg" in words


def test_a_name_that_is_no_utf_8_can_be_written(report):
    odd = report.mistakes[0].model_construct(name="ripe/\udcff.jpg", label="ripe", predicted="rotten", probability=0.9)

    text = page(report.model_copy(update={"mistakes": (odd,)}), {})

    assert "ripe/\\udcff.jpg" in text.encode().decode()


def test_the_headline_has_the_interval(bare):
    assert "Right on 223 of 237 photos it had not seen (94%, 90 to 97%)" in bare.words


def test_the_matrix_has_heads_for_its_rows_and_columns(report, text):
    rows = re.findall(r"<tr>.*?</tr>", text.partition('class="matrix"')[2].partition("</table>")[0])

    assert rows[0].count('<th scope="col"') == len(report.labels)
    assert all(row.count('<th scope="row"') == 1 for row in rows[1:])
    assert [re.findall(r"<td[^>]*>(\d*)", row) for row in rows[1:]] == [
        ["97", "2", "1"],
        ["5", "90", "2"],
        ["", "4", "36"],
    ]


def test_very_many_classes_are_named_by_pairs(report):
    labels = tuple(f"class {number}" for number in range(300))
    confusion = [[0] * 300 for _ in labels]
    confusion[7][8] = 3
    classes = tuple(report.classes[0].model_copy(update={"label": label}) for label in labels)

    text = page(report.model_copy(update={"labels": labels, "confusion": confusion, "classes": classes}), {})

    assert 'class="matrix"' not in text
    assert "<bdi>class 7</bdi></th><td><bdi>class 8</bdi></td><td>3 of 3</td>" in text
    assert "And 100 classes more" in text


def test_a_perfect_small_result_leaves_out_what_there_is_nothing_of(report):
    plain = report.model_copy(
        update={
            "accuracy": Interval(value=1, low=0.72, high=1), "confusion": ((4, 0), (0, 6)), "labels": ("a", "b"),
            "mistakes": (), "twins": (), "left_out": (), "curve": (), "expected_at_double": None, "notes": (), "advice": (),
            "classes": report.classes[:2], "least_probability": None,
        }
    )  # fmt: skip

    text = page(plain, {})

    assert "Right on 10 of 10 photos it had not seen (100%, 72 to 100%)" in text
    assert not re.search('id="(mistakes|twins|left-out|curve|notes|advice)"', text)
