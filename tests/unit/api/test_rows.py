"""A photo's row: the same columns and types whatever happened to it."""

from typing import Any

import pytest

from sightserve.api.rows import answered, columns, failed


def prediction(*ranked: tuple[str, float], outputs: str = "exclusive", recognised: bool = True) -> dict[str, Any]:
    """An answer as JSON has it."""
    return {
        "filename": "cat.jpg",
        "prediction": ranked[0][0],
        "probability": ranked[0][1],
        "recognised": recognised,
        "top_k": [{"index": n, "label": label, "probability": p} for n, (label, p) in enumerate(ranked)],
        "model": {"name": "pets", "version": "2.0", "outputs": outputs},
        "image": {"width": 500, "height": 375, "format": "JPEG"},
        "timing_ms": {"queue": 0.1, "decode": 3.4, "inference": 7.9},
    }


EXCLUSIVE = prediction(("tabby", 0.7), ("tiger cat", 0.2), ("lynx", 0.1))
INDEPENDENT = prediction(("sky, wide", 0.9), ("water", 0.5), ("night", 0.49), outputs="independent")
ROWS = {
    "exclusive": answered("a.jpg", EXCLUSIVE, 2),
    "independent": answered("a.jpg", INDEPENDENT, 2),
    "none applies": answered("a.jpg", INDEPENDENT, 2, applies=0.95),
    "nothing recognised": answered("a.jpg", prediction(("kite", 0.3), recognised=False), 2),
    "failed": failed("b.jpg", "unreadable_image", "It is damaged."),
}


@pytest.mark.parametrize("what", ROWS)
def test_a_cell_is_of_its_columns_type_or_empty_and_no_cell_is_without_a_column(what):
    kinds = columns(2)

    assert set(ROWS[what]) <= set(kinds)
    for name, cell in ROWS[what].items():
        assert cell is None or type(cell) is kinds[name], name


def test_each_ranked_label_has_two_columns_before_the_errors():
    names = list(columns(2))

    assert names[-6:] == ["label_1", "probability_1", "label_2", "probability_2", "error_code", "error"]
    assert [name for name in columns(0) if name.startswith(("label_", "probability_"))] == []
    assert list(columns(0)) == [name for name in names if name not in names[-6:-2]]


def test_of_labels_that_exclude_each_other_the_first_is_the_answer_however_probable():
    assert ROWS["exclusive"]["label"] == "tabby"
    assert ROWS["nothing recognised"]["label"] == "kite"
    assert [row["recognised"] for row in (ROWS["exclusive"], ROWS["nothing recognised"])] == [True, False]


def test_of_labels_that_stand_for_themselves_all_that_apply_are_in_the_cell_and_a_comma_separates_none():
    assert ROWS["independent"]["label"] == "sky, wide; water"  # 0.5 is as likely as not, 0.49 is not
    assert answered("a.jpg", INDEPENDENT, 1, applies=0.4)["label"] == "sky, wide; water; night"
    assert ROWS["independent"]["label_1"] == "sky, wide"
    assert ROWS["none applies"]["label"] is None
    assert ROWS["none applies"]["probability"] == 0.9


def test_probabilities_have_six_decimals():
    row = answered("a.jpg", prediction(("tabby", 0.123456789), ("lynx", 1e-9)), 2)

    assert (row["probability"], row["probability_1"], row["probability_2"]) == (0.123457, 0.123457, 0.0)


@pytest.mark.parametrize(("room", "kept"), [(0, []), (1, ["tabby"]), (5, ["tabby", "tiger cat", "lynx"])])
def test_there_are_as_many_ranked_labels_as_there_is_room_for_and_no_more_than_the_answer_has(room, kept):
    row = answered("a.jpg", EXCLUSIVE, room)

    assert [row[f"label_{rank}"] for rank in range(1, room + 1) if f"label_{rank}" in row] == kept
    assert set(row) <= set(columns(room))


def test_a_row_says_what_the_photo_was_and_which_model_answered():
    row = answered("day 1/cat.jpg", EXCLUSIVE, 1)

    assert (row["path"], row["status"]) == ("day 1/cat.jpg", "ok")
    assert (row["width"], row["height"], row["format"], row["model"]) == (500, 375, "JPEG", "pets 2.0")
    assert not {"error", "error_code"} & set(row)


def test_a_photo_without_an_answer_has_its_path_a_code_and_words():
    assert ROWS["failed"] == {
        "path": "b.jpg", "status": "error", "error_code": "unreadable_image", "error": "It is damaged.",
    }  # fmt: skip
