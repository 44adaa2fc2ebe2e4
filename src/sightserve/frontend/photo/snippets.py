"""The Photo page's lines that get the same answer without the app: the tests run them, so they work as they stand."""

import json
import shlex
from collections.abc import Sequence

from sightserve.api.schema import Prediction


def curl(url: str, names: Sequence[str], top_k: int, *, private: bool = False) -> str:
    """Return the command line that sends these photos from the current folder; to a private backend as gcloud's account."""
    path = "/predict" if len(names) == 1 else "/predict/batch"
    words = [*(word for name in names for word in ("-F", _form_field(name))), f"{url}{path}?top_k={top_k}"]
    who = """-H "Authorization: Bearer $(gcloud auth print-identity-token)" """ if private else ""
    return f"curl {who}{shlex.join(words)}"


def _form_field(name: str) -> str:
    # curl reads ; and , in a bare name as its own syntax; in double quotes only \ and " are special
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'file=@"{quoted}"'


def python(url: str, names: Sequence[str], top_k: int, *, private: bool = False) -> str:
    """Return a Python script that sends these photos with the typed client; to a private backend with an ID token."""
    if len(names) == 1:
        body = (
            f"    answer = client.predict(Path({names[0]!r}), top_k={top_k})\n"
            "    for entry in answer.top_k:\n"
            '        print(f"{entry.probability:6.1%}  {entry.label}")\n'
        )
    else:
        paths = ", ".join(f"Path({name!r})" for name in names)
        body = (
            f"    batch = client.predict_batch([{paths}], top_k={top_k})\n"
            "    for item in batch.results:\n"
            "        print(item.filename, item.result.prediction if item.result else item.error.detail)\n"
        )
    extra, more = ("[gcp]", "from sightserve.client.identity import Identity\n") if private else ("", "")
    auth = f", auth=Identity({url!r})" if private else ""
    head = (
        f"# pip install 'sightserve{extra}'\nfrom pathlib import Path\n\nfrom sightserve.client import Client\n{more}\n"
    )
    return f"{head}with Client({url!r}{auth}) as client:\n{body}"


def trimmed(prediction: Prediction, top_k: int) -> Prediction:
    """Return the answer as the backend gives it for this top k, and nothing else."""
    return prediction.model_copy(update={"top_k": prediction.top_k[:top_k], "heat_map": None})


def as_json(predictions: Sequence[Prediction], top_k: int) -> str:
    """Return the answer, or the list of answers, as readable JSON."""
    bodies = [trimmed(prediction, top_k).model_dump(mode="json") for prediction in predictions]
    return json.dumps(bodies[0] if len(bodies) == 1 else bodies, indent=2, ensure_ascii=False)
