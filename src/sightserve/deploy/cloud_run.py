"""Deploying: options -> [the steps on Google Cloud] -> shown or carried out. Nothing here does anything."""

from typing import Final

from sightserve.deploy.options import Builder, Options, Size
from sightserve.deploy.steps import Step, When, Words

PORT: Final = 8080  # what Cloud Run sets PORT to
HALVES: Final = ("backend", "frontend")
_APIS: Final = ("run.googleapis.com", "artifactregistry.googleapis.com", "iam.googleapis.com")
_BUILD_API: Final = "cloudbuild.googleapis.com"
_BUILD_CONFIG: Final = "containers/cloudbuild.yaml"
# The web app's websocket is one request that lasts as long as the page is open, and Cloud Run ends each at this age, seconds.
_PAGE_SECONDS: Final = 3600
_ANSWER_SECONDS: Final = 60  # uploads over slow networks count too


def plan(options: Options) -> tuple[Step, ...]:
    """Return what deploys both halves. Carried out again, it leaves what is there and brings it up to date."""
    return (
        _apis(options),
        _repository(options),
        *_images(options),
        *(_account(options, half) for half in HALVES),
        _deploy_backend(options),
        *_rights(options),
        _deploy_frontend(options),
    )


def removal(options: Options) -> tuple[Step, ...]:
    """Return what removes everything that `plan` makes, the last first. The APIs stay on: others may use them."""
    services = [
        Step(
            f"Remove the service {options.service(half)}",
            _gcloud(options, "run", "services", "delete", options.service(half), f"--region={options.region}"),
            When.PRESENT,
            _look_for_service(options, half),
            advice="Your account needs the role roles/run.admin.",
        )
        for half in reversed(HALVES)
    ]
    accounts = [
        Step(
            f"Remove the account {options.service(half)}",
            _gcloud(options, "iam", "service-accounts", "delete", options.account(half)),
            When.PRESENT,
            _look_for_account(options, half),
            advice="Your account needs the role roles/iam.serviceAccountAdmin.",
        )
        for half in reversed(HALVES)
    ]
    repository = Step(
        f"Remove the repository {options.prefix} with its images",
        _gcloud(options, "artifacts", "repositories", "delete", options.prefix, f"--location={options.region}"),
        When.PRESENT,
        _look_for_repository(options),
        advice="Your account needs the role roles/artifactregistry.admin.",
    )
    return (*services, *accounts, repository)


def address_of(options: Options, half: str) -> Words:
    """Return the command that prints the address of a half's service."""
    name = options.service(half)
    return _gcloud(
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


def _gcloud(options: Options, *words: str) -> Words:
    return ("gcloud", *words, f"--project={options.project}", "--quiet")


def _apis(options: Options) -> Step:
    apis = (*_APIS, _BUILD_API) if options.builder is Builder.CLOUD_BUILD else _APIS
    return Step(
        "Switch on the APIs",
        _gcloud(options, "services", "enable", *apis),
        advice="The project needs a billing account, and yours the role roles/serviceusage.serviceUsageAdmin.",
    )


def _repository(options: Options) -> Step:
    return Step(
        f"Make a repository for the images: {options.prefix}",
        _gcloud(
            options, "artifacts", "repositories", "create", options.prefix,
            "--repository-format=docker", f"--location={options.region}", "--description=Images of Sightserve",
        ),
        When.ABSENT,
        _look_for_repository(options),
        advice="Your account needs the role roles/artifactregistry.admin.",
    )  # fmt: skip


def _look_for_repository(options: Options) -> Words:
    return _gcloud(options, "artifacts", "repositories", "describe", options.prefix, f"--location={options.region}")


def _images(options: Options) -> tuple[Step, ...]:
    halves = [half for half in HALVES if half == "frontend" or options.backend_image is None]
    if options.builder is Builder.CLOUD_BUILD:
        return tuple(_cloud_build(options, half) for half in halves)
    builder = options.builder.value
    login = Step(
        f"Let {builder} into the repository",
        (builder, "login", "--username=oauth2accesstoken", "--password-stdin", options.registry),
        fed_by=("gcloud", "auth", "print-access-token"),
        advice=f"See that {builder} runs here, and that you are logged in: gcloud auth login.",
    )
    return (login, *(step for half in halves for step in _local_build(options, half)))


def _cloud_build(options: Options, half: str) -> Step:
    return Step(
        f"Build and push the {half}'s image with Cloud Build",
        _gcloud(
            options, "builds", "submit", str(options.source),
            f"--config={options.source / _BUILD_CONFIG}", f"--region={options.region}",
            f"--substitutions=_DOCKERFILE=containers/{half}.dockerfile,_IMAGE={options.image(half)}",
        ),
        advice="The log above says which line failed. Where it is a right: docs/deploy.md, 'When something goes wrong'.",
        tries=2,  # the accounts that build are made when the API is switched on, and are not known everywhere at once
        is_long=True,
    )  # fmt: skip


def _local_build(options: Options, half: str) -> tuple[Step, Step]:
    builder, image = options.builder.value, options.image(half)
    file = options.source / "containers" / f"{half}.dockerfile"
    # Cloud Run's machines are x86-64, whatever this one is
    build = (
        builder, "build", "--platform=linux/amd64", f"--file={file}", f"--tag={image}", str(options.source),
    )  # fmt: skip
    return (
        Step(
            f"Build the {half}'s image",
            build,
            advice=f"See that {builder} runs here; the output above says which line failed.",
            is_long=True,
        ),
        Step(
            f"Push the {half}'s image",
            (builder, "push", image),
            advice="Your account needs the role roles/artifactregistry.writer on the repository.",
            is_long=True,
        ),
    )


def _account(options: Options, half: str) -> Step:
    return Step(
        f"Make the account that the {half} runs as",
        _gcloud(
            options, "iam", "service-accounts", "create", options.service(half),
            f"--display-name=Sightserve {half}",
        ),
        When.ABSENT,
        _look_for_account(options, half),
        advice="Your account needs the role roles/iam.serviceAccountAdmin.",
    )  # fmt: skip


def _look_for_account(options: Options, half: str) -> Words:
    return _gcloud(options, "iam", "service-accounts", "describe", options.account(half))


def _look_for_service(options: Options, half: str) -> Words:
    return _gcloud(options, "run", "services", "describe", options.service(half), f"--region={options.region}")


def _deploy_backend(options: Options) -> Step:
    return _deploy(
        options,
        "backend",
        options.backend,
        "--no-allow-unauthenticated",
        f"--timeout={_ANSWER_SECONDS}",
        f"--set-env-vars=GOOGLE_CLOUD_PROJECT={options.project},SIGHTSERVE_HOST=0.0.0.0,SIGHTSERVE_LOG_FORMAT=json",
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
        "--set-env-vars=" + ",".join(f"{name}={value}" for name, value in settings.items()),
        _probe("startup", "/_stcore/health", period=1, failures=60),
        _probe("liveness", "/_stcore/health", period=30, failures=3),
    )


def _deploy(options: Options, half: str, size: Size, *flags: str) -> Step:
    return Step(
        f"Deploy the {half}: {options.service(half)}",
        _gcloud(
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
        tries=3,
        is_long=True,
    )  # fmt: skip


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
        Step(
            f"Let the frontend {what}",
            _gcloud(
                options, "run", "services", "add-iam-policy-binding", options.service("backend"),
                f"--region={options.region}", f"--member=serviceAccount:{options.account('frontend')}", f"--role={role}",
            ),
            advice="Your account needs the role roles/run.admin.",
            tries=3,
        )
        for what, role in rights.items()
    )  # fmt: skip
