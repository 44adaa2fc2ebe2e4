"""The Photo page's lines that get the same answer without the app: the tests run them, so they work as they stand."""

import json
import shlex
from collections.abc import Sequence

from sightserve import installing
from sightserve.api.schema import Prediction


def curl(url: str, names: Sequence[str], top_k: int, *, private: bool = False, keyed: bool = False) -> str:
    """Return the command line that sends these photos from the current folder.

    To a private backend it goes as gcloud's account, to one with API keys with the reader's own.
    """
    path = "/predict" if len(names) == 1 else "/predict/batch"
    words = [*(word for name in names for word in ("-F", _form_field(name))), f"{url}{path}?top_k={top_k}"]
    who = """-H "Authorization: Bearer $(gcloud auth print-identity-token)" """ if private else ""
    who += """-H "X-API-Key: $SIGHTSERVE_API_KEY" """ if keyed else ""
    return f"curl {who}{shlex.join(words)}"


def _form_field(name: str) -> str:
    # curl reads ; and , in a bare name as its own syntax; in double quotes only \ and " are special
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'file=@"{quoted}"'


def python(url: str, names: Sequence[str], top_k: int, *, private: bool = False, keyed: bool = False) -> str:
    """Return a Python script that sends these photos with the typed client, with an ID token and an API key as `curl`."""
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
    who, imports = "", ["from pathlib import Path", "", "from sightserve.client import Client"]
    if keyed:
        who, imports = ', api_key=os.environ["SIGHTSERVE_API_KEY"]', ["import os", *imports]
    if private:
        who, imports = f"{who}, auth=Identity({url!r})", [*imports, "from sightserve.client.identity import Identity"]
    head = "\n".join([f"# {installing.more('gcp') if private else installing.CLIENT}", *imports, ""])
    return f"{head}\nwith Client({url!r}{who}) as client:\n{body}"


def trimmed(prediction: Prediction, top_k: int) -> Prediction:
    """Return the answer as the backend gives it for this top k, and nothing else."""
    return prediction.model_copy(update={"top_k": prediction.top_k[:top_k], "heat_map": None})


def as_json(predictions: Sequence[Prediction], top_k: int) -> str:
    """Return the answer, or the list of answers, as readable JSON."""
    bodies = [trimmed(prediction, top_k).model_dump(mode="json") for prediction in predictions]
    return json.dumps(bodies[0] if len(bodies) == 1 else bodies, indent=2, ensure_ascii=False)
