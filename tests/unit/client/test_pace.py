"""How fast a batch asks: decisions without a clock, a backend or a thread."""

from sightserve.api.schema import Problem
from sightserve.client import ApiError, BackendUnreachable, GatewayError
from sightserve.client.pace import Pace
from sightserve.client.retry import FOR_A_COMMAND, Retry

EXACT = Retry(patience=60, absence=60, first_pause=1.0, spread=0)


def busy(retry_after: float | None) -> ApiError:
    return ApiError(Problem(type="about:blank", title="", status=503, detail="", code="overloaded"), retry_after)


def test_without_trouble_it_asks_as_often_as_allowed_and_no_more():
    pace = Pace(most=4)

    assert pace.may_start(now=0, under_way=3)
    assert not pace.may_start(now=0, under_way=4)


def test_retry_after_is_kept_to_and_the_number_in_parallel_is_halved():
    pace = Pace(most=4)

    pace.refused(now=10, error=busy(3))

    assert not pace.may_start(now=12.9, under_way=0)
    assert pace.may_start(now=13.0, under_way=1)
    assert not pace.may_start(now=13.0, under_way=2)


def test_refusals_of_requests_that_were_under_way_together_count_once():
    pace = Pace(most=4)

    for _ in range(4):
        pace.refused(now=10, error=busy(1))

    assert pace.allowed == 2


def test_answers_let_it_feel_its_way_up_again():
    pace = Pace(most=4)
    pace.refused(now=0, error=busy(1))

    # from 2 upwards by 1/allowed for each answer: 2.5, 2.9, 3.24, 3.55, 3.83, 4
    for _ in range(6):
        pace.answered()

    assert pace.allowed == 4


def test_a_backend_that_does_not_say_how_long_gets_growing_pauses():
    pace = Pace(most=1, retry=EXACT)

    pace.refused(now=0, error=busy(None))
    first = pace.held(now=0)
    pace.refused(now=1, error=busy(None))
    second = pace.held(now=1)

    assert (first, second) == (1.0, 2.0)


def test_a_pause_is_never_longer_than_half_a_minute():
    pace = Pace(most=1, retry=EXACT)

    pace.refused(now=0, error=busy(3600))

    assert pace.held(now=0) == 30.0


def test_it_gives_up_after_nothing_but_refusals():
    pace = Pace(most=1, retry=EXACT)

    pace.refused(now=0, error=busy(1))
    assert not pace.is_hopeless(now=60)
    assert pace.is_hopeless(now=61)
    pace.answered()

    assert not pace.is_hopeless(now=61)


def test_an_address_where_nothing_ever_answered_is_given_up_soon():
    """It may be mistyped; but one that has answered, however it did, is waited for."""
    away, there = Pace(1, FOR_A_COMMAND), Pace(1, FOR_A_COMMAND)

    away.refused(now=0, error=BackendUnreachable("nothing answers"))
    there.refused(now=0, error=GatewayError("http://front", 502))
    there.refused(now=1, error=BackendUnreachable("nothing answers"))

    assert away.is_hopeless(now=6)
    assert not there.is_hopeless(now=6)


def test_one_question_that_fails_for_ever_is_given_up_while_others_are_answered():
    pace, error = Pace(1, EXACT), GatewayError("http://front", 504)

    assert pace.may_try_again(now=0, error=error, troubled_since=0)
    pace.answered()
    assert pace.may_try_again(now=90, error=error, troubled_since=0)
    pace.answered()

    assert not pace.may_try_again(now=91, error=error, troubled_since=0)
    assert pace.hopeless is None
