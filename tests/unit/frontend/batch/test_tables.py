"""A batch's outcomes as tables that fit together, whatever happened to the photos."""

import io

import pandas as pd
import pyarrow.parquet as pq
import pytest
from tests.unit.frontend.batch.test_job import PREDICTION

from sightserve.api import rows
from sightserve.api.schema import ModelRef, RankedLabel
from sightserve.frontend.batch import results, tables
from sightserve.frontend.batch.outcomes import Outcome
from sightserve.frontend.shared.preview import Pictures
from sightserve.frontend.shared.tables import to_csv, to_parquet
from sightserve.frontend.shared.words import Message

SEVERAL = PREDICTION.model_copy(update={
    "model": ModelRef(name="m", version="1", outputs="independent"),
    "top_k": [RankedLabel(index=n, label=label, probability=probability)
              for n, (label, probability) in enumerate([("sky, wide", 0.9), ("water", 0.6), ("night", 0.1)])],
    "prediction": "sky, wide", "probability": 0.9,
})  # fmt: skip
ANSWERED = Outcome(0, "day1/a.jpg", 1, prediction=PREDICTION)
FAILED = Outcome(1, "day1/b.jpg", 1, problem=Message("Broken.", "Mend it."), code="unreadable_image")


@pytest.mark.parametrize("outcomes", [[ANSWERED], [FAILED], [FAILED, ANSWERED]])
def test_the_types_in_parquet_do_not_depend_on_what_failed(outcomes):
    parquet = to_parquet(tables.complete(outcomes, 0.35, labels=3))

    schema = pq.read_schema(io.BytesIO(parquet))
    names = {str: ("string", "large_string"), float: ("double",), int: ("int64",), bool: ("bool",)}
    expected = {**rows.columns(3), "confidence": str, "server_ms": float}
    assert schema.names == list(expected)
    assert all(str(schema.field(name).type) in names[kind] for name, kind in expected.items()), schema


def test_whole_numbers_stay_whole_in_csv_and_what_is_not_there_is_empty():
    csv = to_csv(tables.complete([ANSWERED, FAILED], 0.35, labels=2)).decode("utf-8-sig").splitlines()

    assert csv[1] == "day1/a.jpg,ok,tabby,0.7,true,1,1,JPEG,m 1,tabby,0.7,,,,,Fairly sure,0.0"
    assert csv[2] == "day1/b.jpg,error,,,,,,,,,,,,unreadable_image,Broken. Mend it.,,"


def test_labels_beyond_those_that_are_shown_are_left_out():
    assert not {"label_1", "probability_1"} & set(tables.complete([ANSWERED], 0.35, labels=0))


def test_an_error_has_its_picture_where_there_is_one():
    pictures = Pictures(b"preview", b"thumbnail", 320, 200)
    seen = Outcome(2, "c.jpg", 1, problem=FAILED.problem, pictures=pictures)

    assert "photo" not in tables.errors([FAILED])
    with_pictures = tables.errors([FAILED, seen])
    assert [pd.isna(picture) for picture in with_pictures["photo"]] == [True, False]


def test_who_is_not_sure_gives_no_label():
    assert tables.counts([ANSWERED, FAILED], threshold=0.5) == {"tabby": 1}
    assert tables.counts([ANSWERED, FAILED], threshold=0.8) == {}
    assert tables.folders(ANSWERED, threshold=0.8) == ("Not sure",)


def test_labels_that_exclude_nothing_are_all_in_the_cell_counted_and_sorted_by():
    both, none = Outcome(0, "a.jpg", 1, prediction=SEVERAL), Outcome(1, "b.jpg", 1, prediction=SEVERAL)

    csv = to_csv(tables.complete([both], 0.5, labels=1)).decode("utf-8-sig").splitlines()
    nothing = tables.complete([none], 0.95, labels=1)

    assert csv[1].startswith('a.jpg,ok,"sky, wide; water",0.9,true,')
    assert csv[1].endswith(',"sky, wide",0.9,,,2 labels apply,0.0')
    assert nothing["label"].isna().all()
    assert list(nothing["confidence"]) == ["No label applies"]
    assert tables.counts([both], 0.5) == {"sky, wide": 1, "water": 1}
    assert (tables.without([both], 0.5), tables.without([none], 0.95)) == (0, 1)
    assert tables.folders(both, 0.5) == ("sky, wide", "water")
    assert tables.folders(none, 0.95) == ("No label applies",)


@pytest.mark.parametrize(("labels", "sure", "rows"), [(["water"], "All", 1), (["night"], "All", 0), ([], "Some apply", 1),
                                                      ([], "None applies", 0)])  # fmt: skip
def test_such_labels_are_filtered_by_each_of_them(labels, sure, rows):
    frame = tables.shown([Outcome(0, "a.jpg", 1, prediction=SEVERAL)], 0.5)

    assert len(results.filtered(frame, text="", labels=labels, sure=sure)) == rows
    assert list(frame["runner-up"]) == ["night"]
