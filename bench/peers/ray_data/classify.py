"""Ray Data as its documentation shows batch inference: read_images, an actor class in map_batches, write_parquet.

Usage: python classify.py FOLDER OUT
"""

import sys

import numpy as np
import ray
from common import Classifier, preprocess
from PIL import Image


class Classify:
    """An actor with the model; the photos of a batch differ in shape, so that each is inferred alone."""

    def __init__(self) -> None:
        self._classifier = Classifier()

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list]:
        """Classify a batch of decoded photos."""
        answers = []
        for pixels in batch["image"]:
            probabilities = self._classifier.infer(preprocess(Image.fromarray(pixels)))
            answers.append(self._classifier.answer(probabilities))
        return {
            "path": list(batch["path"]),
            "label": [answer["prediction"] for answer in answers],
            "probability": [answer["top_k"][0]["probability"] for answer in answers],
        }


if __name__ == "__main__":
    ray.init(address="local", include_dashboard=False)
    photos = ray.data.read_images(sys.argv[1], mode="RGB", include_paths=True)
    # an actor less than there are CPUs: with one for each, none is left for reading and the job hangs
    actors = max(1, int(ray.cluster_resources()["CPU"]) - 1)
    photos.map_batches(Classify, batch_size=16, compute=ray.data.ActorPoolStrategy(size=actors)).write_parquet(
        sys.argv[2]
    )
