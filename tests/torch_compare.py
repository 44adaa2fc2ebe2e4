"""What is read of a source, and whether the exported graph says of photos what the source's own pipeline says; as JSON.

python -m tests.torch_compare, where PyTorch is: it answers a line for each line of its input, so that what takes seconds to
import is imported once; a line is [{"source": ..., "arch": ..., "photos": [...]}, ...].
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

from sightserve.imaging.decode import Decoder
from sightserve.imaging.geometry import input_geometry
from sightserve.models.errors import AddError
from sightserve.models.read import read
from sightserve.models.source import Options, Reading


def found(asked: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            reading = read(asked["source"], Options(arch=asked["arch"]), Path(folder))
        except AddError as exc:
            return {"error": type(exc).__name__, "message": str(exc)}
        threads = onnxruntime.SessionOptions()
        threads.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(reading.graph, threads)
        facts: dict[str, Any] = {
            "kind": reading.kind,
            "name": reading.name,
            "labels": reading.labels and list(reading.labels.value),
            "license": reading.license,
            "input": reading.input and reading.input.value.model_dump(),
            "outputs": reading.outputs and reading.outputs.value,
            "notes": list(reading.notes),
            "batch": session.get_inputs()[0].shape[0],
            "original": reading.original is not None,
        }
        if reading.original:
            facts |= _agreement(reading, session, [Path(photo) for photo in asked["photos"]])
        return facts


def _agreement(reading: Reading, session: Any, photos: list[Path]) -> dict[str, Any]:
    assert reading.input is not None
    assert reading.scale is not None
    assert reading.original is not None
    decoder = Decoder(
        input_geometry(reading.input.value.model_dump()),
        reading.input.value.interpolation,
        max_pixels=10**9,
        exact=True,
    )
    mean, std = (np.array(each, np.float32) for each in reading.scale.value)
    firsts = []
    for photo in photos:
        pixels = np.asarray(decoder.decode(photo.read_bytes()).image, np.float32)
        batch = ((pixels - mean) / std).transpose(2, 0, 1)[None]
        (ours,) = session.run(None, {session.get_inputs()[0].name: batch.astype(np.float32)})
        with Image.open(photo) as image:
            theirs = reading.original(ImageOps.exif_transpose(image).convert("RGB"))
        firsts.append((int(ours[0].argmax()), int(theirs.argmax())))
    return {"same": sum(one == other for one, other in firsts), "classes_seen": len({other for _, other in firsts})}


if __name__ == "__main__":
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # where the libraries print what they like
    for line in sys.stdin:
        print(json.dumps([found(each) for each in json.loads(line)]), file=told, flush=True)
