"""Deploying: options -> [one gcloud command, or a step about an account] -> images.py, cloud_run.py. Does nothing itself."""

from typing import Final

from sightserve.deploy.options import Options
from sightserve.deploy.steps import Step, When, Words

# An account that was just made, and a right that was just given, are not known everywhere for up to a minute.
NEWS_TRIES: Final = 6
_ACCOUNT_ADVICE: Final = "Your account needs the role roles/iam.serviceAccountAdmin."


def gcloud(options: Options, *words: str) -> Words:
    """Return the command, for this project and with no question asked."""
    return ("gcloud", *words, f"--project={options.project}", "--quiet")


def make_account(options: Options, who: str, does: str) -> Step:
    """Return what makes the account PREFIX-WHO, without any right."""
    return Step(
        f"Make the account that {does}",
        gcloud(options, "iam", "service-accounts", "create", options.service(who), f"--display-name=Sightserve {who}"),
        When.ABSENT,
        _look_for_account(options, who),
        advice=_ACCOUNT_ADVICE,
    )


def remove_account(options: Options, who: str) -> Step:
    """Return what removes it."""
    return Step(
        f"Remove the account {options.service(who)}",
        gcloud(options, "iam", "service-accounts", "delete", options.account(who)),
        When.PRESENT,
        _look_for_account(options, who),
        advice=_ACCOUNT_ADVICE,
    )


def let(options: Options, who: str, what: str, role: str, *on: str, advice: str) -> Step:
    """Return what gives the account PREFIX-WHO a role on one thing alone: `on` are gcloud's words for it, the verb included."""
    return Step(
        f"Let the {who} {what}",
        gcloud(options, *on, f"--member=serviceAccount:{options.account(who)}", f"--role={role}"),
        advice=advice,
        tries=NEWS_TRIES,
    )


def _look_for_account(options: Options, who: str) -> Words:
    return gcloud(options, "iam", "service-accounts", "describe", options.account(who))
