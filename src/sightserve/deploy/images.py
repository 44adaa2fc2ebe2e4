"""Deploying: options -> [the steps that make both images] -> cloud_run.py. Nothing here does anything."""

from pathlib import Path
from typing import Final

from sightserve.deploy.gcloud import NEWS_TRIES, gcloud, let, make_account, remove_account
from sightserve.deploy.model import Model
from sightserve.deploy.options import HALVES, Builder, Options
from sightserve.deploy.steps import Step, When, Words

BUILDER: Final = "builder"
DOCKERFILE: Final = "containers/Dockerfile"
BUILD_CONFIG: Final = "containers/cloudbuild.yaml"
MODEL_DOCKERFILE: Final = "containers/model.Dockerfile"
MODEL_BUILD_CONFIG: Final = "containers/model.cloudbuild.yaml"
_PLATFORM: Final = "--platform=linux/amd64"  # Cloud Run's machines are x86-64, whatever this one is
_REPOSITORY_ADVICE: Final = "Your account needs the role roles/artifactregistry.admin."
_BUCKET_ADVICE: Final = (
    "Your account needs the role roles/storage.admin. Names of buckets are the whole world's: where somebody else has this one,"
    " take another --prefix."
)


def images(options: Options) -> tuple[Step, ...]:
    """Return what makes the repository, and the images that are not there already, in it."""
    halves = [half for half in HALVES if half == "frontend" or options.backend_image is None]
    builds: list[Step] = []
    if options.builder is Builder.CLOUD_BUILD:
        builds += _builder(options)
        builds += [_cloud_build(options, half) for half in halves]
        builds += [] if options.model is None else [_cloud_build_of_model(options, options.model)]
    else:
        builds.append(_login(options))
        builds += [step for half in halves for step in _local_build(options, half)]
        builds += [] if options.model is None else _local_build_of_model(options, options.model)
    return (_repository(options), *builds)


def images_removal(options: Options) -> tuple[Step, ...]:
    """Return what removes all that `images` makes, whichever builder made it."""
    return (
        remove_account(options, BUILDER),
        Step(
            f"Remove the bucket {options.bucket} with the builds' sources and logs",
            gcloud(options, "storage", "rm", options.bucket, "--recursive"),
            When.PRESENT,
            _look_for_bucket(options),
            advice="Your account needs the role roles/storage.admin.",
        ),
        Step(
            f"Remove the repository {options.prefix} with its images",
            gcloud(options, "artifacts", "repositories", "delete", options.prefix, f"--location={options.region}"),
            When.PRESENT,
            _look_for_repository(options),
            advice=_REPOSITORY_ADVICE,
        ),
    )


def _repository(options: Options) -> Step:
    return Step(
        f"Make a repository for the images: {options.prefix}",
        gcloud(
            options, "artifacts", "repositories", "create", options.prefix,
            "--repository-format=docker", f"--location={options.region}", "--description=Images of Sightserve",
        ),
        When.ABSENT,
        _look_for_repository(options),
        advice=_REPOSITORY_ADVICE,
    )  # fmt: skip


def _look_for_repository(options: Options) -> Words:
    return gcloud(options, "artifacts", "repositories", "describe", options.prefix, f"--location={options.region}")


def _builder(options: Options) -> tuple[Step, ...]:
    """Return what makes an account that builds, and a bucket where it finds the sources and leaves its log.

    Without an account of their own, builds run as the project's default one, which may do too much in old projects and
    nothing in new ones. The bucket is there since gcloud shows a build's log only from Cloud Storage, and since an account
    with rights on it needs none on the project, where a log in Cloud Logging would take one.
    """
    return (
        make_account(options, BUILDER, "builds the images"),
        Step(
            f"Make a bucket for the builds' sources and logs: {options.bucket}",
            gcloud(
                options, "storage", "buckets", "create", options.bucket, f"--location={options.region}",
                "--uniform-bucket-level-access", "--public-access-prevention",
            ),
            When.ABSENT,
            _look_for_bucket(options),
            advice=_BUCKET_ADVICE,
        ),
        # more than objects: a build is refused when its account cannot look at the bucket itself
        let(
            options, BUILDER, "read the sources and write its log", "roles/storage.admin",
            "storage", "buckets", "add-iam-policy-binding", options.bucket, advice=_BUCKET_ADVICE,
        ),
        let(
            options, BUILDER, "push images", "roles/artifactregistry.writer",
            "artifacts", "repositories", "add-iam-policy-binding", options.prefix, f"--location={options.region}",
            advice=_REPOSITORY_ADVICE,
        ),
    )  # fmt: skip


def _look_for_bucket(options: Options) -> Words:
    return gcloud(options, "storage", "buckets", "describe", options.bucket)


def _cloud_build(options: Options, half: str) -> Step:
    substitutions = f"_TARGET={half},_REVISION={options.tag},_IMAGE={options.built(half)}"
    return _submit(
        options, f"Build and push the {half}'s image with Cloud Build", options.source, BUILD_CONFIG, substitutions
    )


def _cloud_build_of_model(options: Options, model: Model) -> Step:
    substitutions = f"_BACKEND={options.built('backend')},_IMAGE={options.image('backend')}"
    title = f"Put the model into the backend's image with Cloud Build: {model.directory.name}"
    return _submit(options, title, model.directory, MODEL_BUILD_CONFIG, substitutions)


def _submit(options: Options, title: str, source: Path, config: str, substitutions: str) -> Step:
    """Return what sends a folder to Cloud Build, and has it do what `config` says."""
    return Step(
        title,
        gcloud(
            options, "builds", "submit", str(source),
            f"--config={options.source / config}", f"--region={options.build_region}",
            f"--service-account=projects/{options.project}/serviceAccounts/{options.account(BUILDER)}",
            f"--gcs-source-staging-dir={options.bucket}/source", f"--gcs-log-dir={options.bucket}/log",
            f"--substitutions={substitutions}",
        ),
        advice="The log above says which line failed; it is kept below"
        f" {options.bucket}/log. Where the region is refused: --build-region global, or one of those that"
        " https://cloud.google.com/build/docs/locations names. Where it is a right: your account needs the roles"
        " roles/cloudbuild.builds.editor, and roles/iam.serviceAccountUser on the builder's account.",
        tries=NEWS_TRIES,
        is_long=True,
    )  # fmt: skip


def _login(options: Options) -> Step:
    builder = options.builder.value
    return Step(
        f"Let {builder} into the repository",
        (builder, "login", "--username=oauth2accesstoken", "--password-stdin", options.registry),
        fed_by=("gcloud", "auth", "print-access-token"),
        advice=f"See that {builder} runs here, and that you are logged in: gcloud auth login.",
    )


def _local_build(options: Options, half: str) -> tuple[Step, Step]:
    builder, image = options.builder.value, options.built(half)
    build = (
        builder, "build", _PLATFORM, f"--file={options.source / DOCKERFILE}", f"--target={half}",
        f"--label=org.opencontainers.image.revision={options.tag}", f"--tag={image}", str(options.source),
    )  # fmt: skip
    return _run_build(options, f"Build the {half}'s image", build), _push(options, f"Push the {half}'s image", image)


def _local_build_of_model(options: Options, model: Model) -> tuple[Step, Step]:
    builder, image = options.builder.value, options.image("backend")
    build = (
        builder, "build", _PLATFORM, f"--file={options.source / MODEL_DOCKERFILE}",
        f"--build-arg=BACKEND={options.built('backend')}", f"--tag={image}", str(model.directory),
    )  # fmt: skip
    title = f"Put the model into the backend's image: {model.directory.name}"
    return _run_build(options, title, build), _push(options, "Push the backend's image with the model", image)


def _run_build(options: Options, title: str, build: Words) -> Step:
    return Step(
        title,
        build,
        advice=f"See that {options.builder.value} runs here; the output above says which line failed.",
        is_long=True,
    )


def _push(options: Options, title: str, image: str) -> Step:
    return Step(
        title,
        (options.builder.value, "push", image),
        advice="Your account needs the role roles/artifactregistry.writer on the repository.",
        is_long=True,
    )
