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
        inputs = [preprocess(open_image(photo)) for photo in data]
        answers: list[dict] = [{}] * len(inputs)
        for shape in {photo.shape for photo in inputs}:  # only those of one shape can go together
            alike = [number for number, photo in enumerate(inputs) if photo.shape == shape]
            rows = self.classifier.infer_all(np.concatenate([inputs[number] for number in alike]))
            for number, row in zip(alike, rows, strict=True):
                answers[number] = self.classifier.answer(row)
        return answers


if __name__ == "__main__":
    server = Server()
    server.append_worker(Classify, num=2, max_batch_size=_BATCH, max_wait_time=_WAIT)
    server.run()
