"""Mosec as its documentation shows: a Worker that takes the raw body, two processes of it."""

from common import Classifier
from mosec import Server, Worker


class Classify(Worker):
    """Photo in, labels out; the answer is serialised as JSON by the base class."""

    def __init__(self) -> None:
        self.classifier = Classifier()

    def deserialize(self, data: bytes) -> bytes:
        """Take the body as it is."""
        return data

    def forward(self, data: bytes) -> dict:
        """Classify one photo."""
        return self.classifier(data)


if __name__ == "__main__":
    server = Server()
    server.append_worker(Classify, num=2)
    server.run()
