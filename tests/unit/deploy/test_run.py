"""How steps are carried out, with commands that a test answers."""

import pytest

from sightserve.deploy.run import CommandFailed, Outcome, Ran, carry_out, execute
from sightserve.deploy.steps import Step, When

MAKE = Step("Make it", ("make", "it"), When.ABSENT, ("look", "at it"), advice="Try harder.")
REMOVE = Step("Remove it", ("remove", "it"), When.PRESENT, ("look", "at it"))


class Answers:
    """Answers each command by its first word."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []
        self.slept = []
        self.now = 0.0
        self.takes = 0.0  # seconds, each command

    def __call__(self, words, stdin, is_long):
        self.asked.append((words[0], stdin))
        self.now += self.takes
        answer = self.answers.get(words[0], Ran(0, "", ""))
        return answer.pop(0) if isinstance(answer, list) else answer

    def carry_out(self, *steps):
        return [outcome for _, outcome in carry_out(steps, self, self.slept.append, lambda: self.now)]

    @property
    def commands(self):
        return [name for name, _ in self.asked]


ABSENT = Ran(1, "", "NOT_FOUND: nothing")


@pytest.mark.parametrize(
    ("step", "look", "outcome"),
    [
        (MAKE, ABSENT, Outcome.DONE),
        (MAKE, Ran(0, "", ""), Outcome.NOTHING_TO_DO),
        (REMOVE, Ran(0, "", ""), Outcome.DONE),
        (REMOVE, ABSENT, Outcome.NOTHING_TO_DO),
    ],
)
def test_what_is_there_decides_whether_a_step_is_carried_out(step, look, outcome):
    answers = Answers(look=look)

    assert answers.carry_out(step) == [None, outcome]
    assert len(answers.commands) == (2 if outcome is Outcome.DONE else 1)


def test_nothing_is_begun_after_a_step_that_failed():
    answers = Answers(look=ABSENT, make=Ran(1, "", "no room"))

    with pytest.raises(CommandFailed, match="no room") as error:
        answers.carry_out(MAKE, REMOVE)

    assert error.value.advice == "Try harder."
    assert answers.commands == ["look", "make"]


def test_what_may_fail_at_first_is_tried_again_after_a_pause():
    answers = Answers(make=[Ran(1, "", "not yet"), Ran(0, "", "")])

    assert answers.carry_out(Step("Make", ("make",), tries=3)) == [None, Outcome.DONE]
    assert answers.slept == [10.0]


@pytest.mark.parametrize(("seconds", "times"), [(59.0, 3), (61.0, 1)])
def test_what_fails_after_a_minute_of_work_is_no_refusal_and_is_not_done_again(seconds, times):
    """A build that breaks after five minutes would break again after five more."""
    answers = Answers(make=Ran(1, "", "broken"))
    answers.takes = seconds

    with pytest.raises(CommandFailed, match="broken"):
        answers.carry_out(Step("Make", ("make",), tries=3))

    assert answers.commands == ["make"] * times


def test_a_secret_goes_through_the_standard_input():
    answers = Answers(secret=Ran(0, "hush\n", ""))

    answers.carry_out(Step("Log in", ("login",), fed_by=("secret",)))

    assert answers.asked == [("secret", None), ("login", "hush")]


def test_a_look_that_fails_for_another_reason_is_no_absence():
    answers = Answers(look=Ran(1, "", "You do not currently have an active account: gcloud auth login"))

    with pytest.raises(CommandFailed, match="active account"):
        answers.carry_out(REMOVE)


def test_a_command_gets_its_words_as_they_are_and_no_terminal_to_ask_on():
    ran = execute(("sh", "-c", 'printf "%s|" "$@"; cat', "sh", "a b", "$(id)", ";"))

    assert ran.output == "a b|$(id)|;|"
