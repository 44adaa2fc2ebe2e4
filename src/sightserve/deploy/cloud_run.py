"""Deploying: options -> [the steps on Google Cloud] -> shown or carried out. Nothing here does anything."""

from typing import Final

from sightserve.deploy.gcloud import NEWS_TRIES, gcloud, let, make_account, remove_account
from sightserve.deploy.images import images, images_removal
from sightserve.deploy.options import HALVES, MODEL_VARIABLE, Builder, Options, Size
from sightserve.deploy.steps import Step, When, Words
from sightserve.deploy.variables import Variables, update_flag

PORT: Final = 8080  # what Cloud Run sets PORT to
_APIS: Final = ("run.googleapis.com", "artifactregistry.googleapis.com", "iam.googleapis.com")
_BUILD_APIS: Final = ("cloudbuild.googleapis.com", "storage.googleapis.com")
# The web app's websocket is one request that lasts as long as the page is open, and Cloud Run ends each at this age, seconds.
_PAGE_SECONDS: Final = 3600
_ANSWER_SECONDS: Final = 60  # uploads over slow networks count too


def plan(options: Options) -> tuple[Step, ...]:
    """Return what deploys both halves. Carried out again, it leaves what is there and brings it up to date."""
    return (
        _apis(options),
        # first, since it takes a while until they are known everywhere
        *(make_account(options, half, f"the {half} runs as") for half in HALVES),
        *images(options),
        _deploy_backend(options),
        *_rights(options),
        _deploy_frontend(options),
    )


def removal(options: Options) -> tuple[Step, ...]:
    """Return what removes everything that `plan` makes, the last first. The APIs stay on: others may use them."""
    services = [
        Step(
            f"Remove the service {options.service(half)}",
            gcloud(options, "run", "services", "delete", options.service(half), f"--region={options.region}"),
            When.PRESENT,
            _look_for_service(options, half),
            advice="Your account needs the role roles/run.admin.",
        )
        for half in reversed(HALVES)
    ]
    accounts = (remove_account(options, half) for half in reversed(HALVES))
    return (*services, *accounts, *images_removal(options))


def address_of(options: Options, half: str) -> Words:
    """Return the command that prints the address of a half's service."""
    name = options.service(half)
    return gcloud(
        options, "run", "services", "describe", name, f"--region={options.region}", "--format=value(status.url)"
    )


def caller() -> Words:
    """Return the command that prints the account that gcloud acts as."""
    return ("gcloud", "auth", "list", "--filter=status:ACTIVE", "--format=value(account)")


def identity_token(account: str, audience: str) -> Words:
    """Return the command that prints an ID token of the person or the service account that deploys."""
    words = ("gcloud", "auth", "print-identity-token")
    # a person's token is good for every service that the person may use, and gcloud takes no audience for it
    return (*words, f"--audiences={audience}") if account.endswith(".gserviceaccount.com") else words


def _apis(options: Options) -> Step:
    apis = (*_APIS, *_BUILD_APIS) if options.builder is Builder.CLOUD_BUILD else _APIS
    return Step(
        "Switch on the APIs",
        gcloud(options, "services", "enable", *apis),
        advice="The project needs a billing account, and yours the role roles/serviceusage.serviceUsageAdmin.",
    )


def _look_for_service(options: Options, half: str) -> Words:
    return gcloud(options, "run", "services", "describe", options.service(half), f"--region={options.region}")


def _deploy_backend(options: Options) -> Step:
    return _deploy(
        options,
        "backend",
        options.backend,
        "--no-allow-unauthenticated",
        f"--timeout={_ANSWER_SECONDS}",
        _environment({"GOOGLE_CLOUD_PROJECT": options.project, "SIGHTSERVE_LOG_FORMAT": "json"}, options.backend_env),
        # the image says where its model is, and what somebody once set on the service would win over that
        *([] if options.model is None else [f"--remove-env-vars={MODEL_VARIABLE}"]),
        _probe("startup", "/health/ready", period=1, failures=60),
        _probe("liveness", "/health/live", period=10, failures=3),
    )


def _deploy_frontend(options: Options) -> Step:
    settings = {
        "SIGHTSERVE_CLOUD_PROJECT": options.project,
        "SIGHTSERVE_CLOUD_REGION": options.region,
        "SIGHTSERVE_CLOUD_SERVICE": options.service("backend"),
    }
    return _deploy(
        options,
        "frontend",
        options.frontend,
        "--no-allow-unauthenticated" if options.private_frontend else "--allow-unauthenticated",
        f"--timeout={_PAGE_SECONDS}",
        "--session-affinity",  # a visitor's uploads are in the memory of the instance that has the visitor's page
        _environment(settings, options.frontend_env),
        _probe("startup", "/_stcore/health", period=1, failures=60),
        _probe("liveness", "/_stcore/health", period=30, failures=3),
    )


def _deploy(options: Options, half: str, size: Size, *flags: str) -> Step:
    return Step(
        f"Deploy the {half}: {options.service(half)}",
        gcloud(
            options, "run", "deploy", options.service(half), f"--image={options.image(half)}",
            f"--region={options.region}", f"--service-account={options.account(half)}", f"--port={PORT}",
            f"--cpu={size.cpu}", f"--memory={size.memory}", f"--concurrency={size.concurrency}",
            f"--min-instances={size.least}", f"--max-instances={size.most}",
            "--cpu-boost", "--execution-environment=gen2",
            # open to the network, closed by identity: the frontend's calls count as coming from outside unless it is put
            # into a network of its own, which costs money and upkeep and protects from nothing that the identity does not
            "--ingress=all",
            *flags,
        ),
        advice=f"Its log says why: gcloud run services logs read {options.service(half)}"
        f" --region={options.region} --project={options.project}",
        tries=NEWS_TRIES,
        is_long=True,
    )  # fmt: skip


def _environment(ours: dict[str, str], yours: Variables) -> str:
    """Return the flag that sets both and keeps what else somebody has set on the service; of a name in both, yours."""
    return update_flag(ours | dict(yours))


def _probe(kind: str, path: str, *, period: int, failures: int) -> str:
    return (
        f"--{kind}-probe=httpGet.path={path},httpGet.port={PORT},periodSeconds={period},timeoutSeconds={min(period, 5)},"
        f"failureThreshold={failures}"
    )


def _rights(options: Options) -> tuple[Step, ...]:
    """Return what lets the frontend's account call the backend and see its address: on that one service, nowhere else."""
    rights = {
        "call the backend": "roles/run.invoker",
        # The smallest of Google's own roles with run.services.get. A role of our own would hold nothing else, but is the
        # whole project's, needs a right over the project's roles to make, and its name is taken for weeks after removal.
        "see the backend's address": "roles/run.viewer",
    }
    return tuple(
        let(
            options, "frontend", what, role,
            "run", "services", "add-iam-policy-binding", options.service("backend"), f"--region={options.region}",
            advice="Your account needs the role roles/run.admin.",
        )
        for what, role in rights.items()
    )  # fmt: skip
