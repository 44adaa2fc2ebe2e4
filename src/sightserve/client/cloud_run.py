"""Discovery's way to Google Cloud: the address of a Cloud Run service, from the Cloud Run Admin API."""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpx2

from sightserve.client.addresses import is_safe
from sightserve.client.credentials import (
    CREDENTIALS_FILE,
    content_of,
    credentials_file,
    has_metadata_server,
    within,
)
from sightserve.installing import more

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.cloud.run_v2 import ServicesClient

_log = logging.getLogger(__name__)

API: Final = "https://run.googleapis.com"
_API_SECONDS: Final = 5.0  # of one exchange
_ALL_SECONDS: Final = 8.0  # of a whole lookup, a token for the API included
_METADATA_SECONDS: Final = 2.0
_MOST_NAMES: Final = 8
_INSTALL: Final = f"Install it, {more('gcp')}"


class LookupFailed(Exception):
    """The service's address could not be found out.

    Attributes:
        do: what would help, as a sentence.
        temporary: whether the next try may well succeed.
    """

    def __init__(self, reason: str, do: str, *, temporary: bool = False) -> None:
        super().__init__(reason)
        self.do = do
        self.temporary = temporary


@dataclass(frozen=True, slots=True)
class Named:
    """A Cloud Run service by its name.

    Attributes:
        project, region: empty where the metadata server is to say them.
        service: the service's own name, without project and region.
        endpoint: where the API is: another one than Google's public one behind Private Service Connect, or in a test.
    """

    project: str
    region: str
    service: str
    endpoint: str = API


def service_url(named: Named, environment: Mapping[str, str] = os.environ, seconds: float = _ALL_SECONDS) -> str:
    """Return the address of a Cloud Run service.

    The service is asked for by name (`get`) and not looked for in the list of all: that takes one request instead of
    one for every page of services, and a right to this one service (`run.services.get`) instead of to the project's
    (`run.services.list`). Only where it is not found the list is read, for the log: it says which names there are.

    Raises:
        LookupFailed: not found, no right to look, no credentials, no answer within `seconds`, or not yet deployed.
    """
    try:
        return within(seconds, lambda: _service_url(_complete(named, environment), environment))
    except TimeoutError as exc:
        raise LookupFailed(
            f"The Cloud Run API did not answer within {seconds:.0f} seconds.",
            "Wait a little; if it stays like this, look at this machine's network.",
            temporary=True,
        ) from exc


def _complete(named: Named, environment: Mapping[str, str]) -> Named:
    """Fill in project and region from the metadata server, where there is one."""
    if named.project and named.region:
        return named
    if not has_metadata_server(environment):
        missing = "SIGHTSERVE_CLOUD_REGION" if named.project else "SIGHTSERVE_CLOUD_PROJECT"
        raise LookupFailed(f"{missing} is not set.", f"Set {missing}.")
    project = named.project or _metadata("project/project-id", environment)
    # projects/123456789/regions/europe-west1
    region = named.region or _metadata("instance/region", environment).rsplit("/", 1)[-1]
    return Named(project, region, named.service, named.endpoint)


def _metadata(path: str, environment: Mapping[str, str]) -> str:
    """Return a value of the metadata server (https://cloud.google.com/run/docs/container-contract#metadata-server)."""
    host = environment.get("GCE_METADATA_HOST") or "metadata.google.internal"
    try:
        answer = httpx2.get(
            f"http://{host}/computeMetadata/v1/{path}",
            headers={"Metadata-Flavor": "Google"},
            timeout=_METADATA_SECONDS,
            trust_env=False,  # a proxy has no part in asking the machine itself
        )
        answer.raise_for_status()
    except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
        raise LookupFailed(
            "The metadata server did not say in which project and region this runs.",
            "Set SIGHTSERVE_CLOUD_PROJECT and SIGHTSERVE_CLOUD_REGION.",
            temporary=True,
        ) from exc
    return answer.text.strip()


def _service_url(named: Named, environment: Mapping[str, str]) -> str:
    try:
        from google.api_core import exceptions  # noqa: PLC0415 - slow to import, and only needed here
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
        from google.protobuf.json_format import ParseError  # noqa: PLC0415
        from requests.exceptions import RequestException  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise LookupFailed(f"{exc.name} is missing, a part of the extra 'gcp'.", _INSTALL) from exc
    parent = f"projects/{named.project}/locations/{named.region}"
    where = f"project {named.project}, region {named.region}"
    try:
        client = _client(named.endpoint, environment)
        try:
            service = client.get_service(name=f"{parent}/services/{named.service}", retry=None, timeout=_API_SECONDS)
        except exceptions.NotFound:
            _log.warning("no service %s in %s; there are: %s", named.service, where, _names(client, parent))
            raise
    except exceptions.NotFound as exc:
        raise LookupFailed(
            f"There is no service {named.service} in {where}.",
            "Deploy it there, or set SIGHTSERVE_CLOUD_SERVICE to the name that it has.",
        ) from exc
    except exceptions.Forbidden as exc:
        # also the answer for a service that is not there, to those who may not see the project's others
        raise LookupFailed(
            f"This app may not look at the service {named.service} in {where}, or it is not there.",
            "Give this app's account the role roles/run.viewer on that service, and see that the Cloud Run API is enabled.",
        ) from exc
    except (exceptions.Unauthorized, GoogleAuthError) as exc:
        raise LookupFailed(
            "Google does not know who this app is: its credentials are missing, expired or refused.",
            f"Run: gcloud auth application-default login. Or set {CREDENTIALS_FILE}.",
        ) from exc
    except exceptions.ClientError as exc:
        raise LookupFailed(f"The Cloud Run API refused to look in {where} ({exc.code}).", _CHECK) from exc
    except (exceptions.GoogleAPIError, RequestException, ParseError) as exc:
        raise LookupFailed(
            "The Cloud Run API could not be reached, or had a failure of its own.", "Wait a little.", temporary=True
        ) from exc
    if not service.uri:
        raise LookupFailed(
            f"The service {named.service} has no address yet: it is being deployed, or its deployment failed.",
            "Wait until it is deployed; the Cloud Run console says how that goes.",
            temporary=True,
        )
    return service.uri


_CHECK: Final = "Check SIGHTSERVE_CLOUD_PROJECT, SIGHTSERVE_CLOUD_REGION and SIGHTSERVE_CLOUD_SERVICE."


def _client(endpoint: str, environment: Mapping[str, str]) -> "ServicesClient":
    """Return the API's client over HTTP and JSON: one small request needs no gRPC channel with threads of its own."""
    from google.cloud.run_v2 import ServicesClient  # noqa: PLC0415
    from google.cloud.run_v2.services.services.transports import ServicesRestTransport  # noqa: PLC0415

    if not is_safe(endpoint):
        raise LookupFailed(
            f"SIGHTSERVE_CLOUD_ENDPOINT is {endpoint!r}: not https, and not on this machine.",
            "Set it to an https address.",
        )
    scheme, _, host = endpoint.partition("://")
    credentials = _credentials(environment)
    return ServicesClient(
        transport=ServicesRestTransport(host=host.rstrip("/"), url_scheme=scheme, credentials=credentials)
    )


def _credentials(environment: Mapping[str, str]) -> "Credentials":
    from google.auth import compute_engine, identity_pool, impersonated_credentials  # noqa: PLC0415
    from google.auth.exceptions import DefaultCredentialsError  # noqa: PLC0415
    from google.oauth2 import credentials, service_account  # noqa: PLC0415

    scopes = ("https://www.googleapis.com/auth/cloud-platform",)
    file = credentials_file(environment)
    if file is None:
        if not has_metadata_server(environment):
            raise DefaultCredentialsError("no file with credentials, and no metadata server")
        return compute_engine.Credentials(scopes=scopes)
    # each type by its own loader: google-auth's general one takes whatever a file says of itself
    loaders: dict[str, Callable[..., Credentials]] = {
        "service_account": service_account.Credentials.from_service_account_info,
        "authorized_user": credentials.Credentials.from_authorized_user_info,
        "impersonated_service_account": impersonated_credentials.Credentials.from_impersonated_service_account_info,
        "external_account": identity_pool.Credentials.from_info,
    }
    try:
        content = content_of(file)
        return loaders[str(content.get("type"))](content, scopes=scopes)
    except (ValueError, KeyError, AttributeError, TypeError) as exc:  # one that lacks parts of itself
        raise DefaultCredentialsError("a file with credentials that are none") from exc


def _names(client: "ServicesClient", parent: str) -> str:
    """Return the services that are there, from every page of the list; a question mark where that may not be read."""
    from google.api_core.exceptions import GoogleAPIError  # noqa: PLC0415
    from requests.exceptions import RequestException  # noqa: PLC0415

    try:
        names = [
            service.name.rsplit("/", 1)[-1]
            for service in client.list_services(parent=parent, retry=None, timeout=_API_SECONDS)
        ]
    except (GoogleAPIError, RequestException):
        return "?"
    return (", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")) or "none"
