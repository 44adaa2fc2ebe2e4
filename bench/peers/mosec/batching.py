"""Mosec with its dynamic batching: up to eight photos that have come in go through the model together."""

import numpy as np
from common import Classifier, open_image, preprocess
from mosec import Server, Worker

_BATCH = 8  # as many as Sightserve takes; longer waits than 1 ms did not help at 8 or at 32 connections
_WAIT = 1  # ms


class Classify(Worker):
    """Photos in, labels out."""

    def __init__(self) -> None:
        self.classifier = Classifier()

    def deserialize(self, data: bytes) -> bytes:
        """Take the body as it is."""
        return data

    def forward(self, data: list[bytes]) -> list[dict]:
        """Classify photos together."""
        batch = np.concatenate([preprocess(open_image(photo)) for photo in data])
        return [self.classifier.answer(row) for row in self.classifier.infer_all(batch)]


if __name__ == "__main__":
    server = Server()
    server.append_worker(Classify, num=2, max_batch_size=_BATCH, max_wait_time=_WAIT)
    server.run()
