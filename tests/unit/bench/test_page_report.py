import pytest
from bench import page_report
from bench.page_report import BEGIN, END, put_in, tables
from bench.results import Measurement

MACHINE = {"date": "today", "cpu": "a processor", "cores": "2"}
FIGURES = dict.fromkeys((figure for _, figure in page_report._ROWS), 1.0) | {"cpu_slower": 1.0}


def measured(server: str, device: str = "desktop", n: int = 0, **figures: float) -> Measurement:
    return Measurement("page", "samples", server, device, n, FIGURES | figures)


def test_each_device_has_a_table_of_medians_with_their_spread():
    measurements = [
        measured("ours", n=0, first_usable_ms=900, first_kb=700),
        measured("gradio", n=0, first_usable_ms=1500),
        measured("ours", n=1, first_usable_ms=1100, first_kb=700),  # half the range is 100 of 1,000
        measured("gradio", n=1, first_usable_ms=1500),
        measured("ours", "phone", large_ms=20_100, cpu_slower=4),
    ]

    text = tables(MACHINE, measurements)

    assert "| usable: the samples can be pressed | 1.00 s ±10 % | 1.50 s |" in text
    assert "| loaded until then, kB | 700 | 1 |" in text
    assert "| a phone's photo of 12 megapixels chosen until its label | 20.1 s |" in text
    assert "150 ms of latency and a processor 4 times slower:" in text
    assert "Medians of 2 rounds" in text


def test_only_what_stands_between_the_marks_is_written_anew():
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"

    assert put_in(page, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert put_in(put_in(page, "old"), "new") == put_in(page, "new")


@pytest.mark.parametrize("page", ["", f"{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_page_without_the_marks_is_left_alone(page):
    with pytest.raises(ValueError, match="once each"):
        put_in(page, "new")
