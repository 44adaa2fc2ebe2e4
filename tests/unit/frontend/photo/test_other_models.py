"""The Photo page with models of other kinds: what they say of where they looked, and labels that exclude nothing."""

from tests.unit.frontend.photo.test_page import place, press, texts, upload


def test_where_it_looked_is_asked_for_with_every_photo_where_that_costs_nothing(backend, photo_page, espresso):
    backend.heat_maps = "class_activation"
    photo_page.run()
    press(photo_page, "sample-espresso")
    assert backend.asked_where == 1
    assert place(photo_page)["warmth"] is None

    photo_page.toggle(key="where").set_value(True).run()

    assert len(backend.photos) == 1  # nothing is sent again
    assert place(photo_page)["warmth"]["box"]["width"] == "100.000%"
    assert f"Warm is what speaks for **{backend.label_of(espresso)}**" in texts(photo_page)
    assert "not that it is right" in texts(photo_page)


def test_where_it_costs_many_looks_it_is_asked_for_when_somebody_wants_it(backend, photo_page):
    backend.heat_maps = "occlusion"
    photo_page.run()
    press(photo_page, "sample-espresso")
    assert (backend.asked_where, len(backend.photos)) == (0, 1)

    photo_page.toggle(key="where").set_value(True).run()
    photo_page.run()

    assert (backend.asked_where, len(backend.photos)) == (1, 2)
    assert "less probable when this part" in texts(photo_page)


def test_a_backend_that_fails_to_say_where_says_why(backend, photo_page):
    backend.heat_maps = "occlusion"
    photo_page.run()
    press(photo_page, "sample-espresso")
    backend.refusals = [(500, "internal", None)]

    photo_page.toggle(key="where").set_value(True).run()

    assert "failed on this photo" in photo_page.error[0].value
    assert not photo_page.exception


def test_labels_that_do_not_exclude_each_other_are_all_named(backend, photo_page, cat):
    backend.outputs, backend.probability = "independent", 0.2
    photo_page.query_params["applies"] = "10"
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))

    # a fifth for the first, and 0.8 / 7 = 0.11 for each of the seven others
    assert photo_page.main.header[0].value.endswith(" and 4 more")
    assert "8 labels apply · 20% · 11%" in texts(photo_page)
    assert "Each label stands by itself" in texts(photo_page)


def test_of_labels_that_do_not_exclude_each_other_none_may_fit(backend, photo_page, cat):
    backend.outputs, backend.probability = "independent", 0.2
    photo_page.run()
    upload(photo_page, ("cat.jpg", cat))

    assert photo_page.main.header[0].value == "None of its labels"
