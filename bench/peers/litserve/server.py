"""LitServe as its documentation shows: a LitAPI with a multipart field, two workers for the two cores."""

import litserve as ls
from common import PORT, Classifier, open_image, preprocess


class API(ls.LitAPI):
    """One worker."""

    def setup(self, device: str) -> None:
        """Load the model in the worker's process."""
        self.classifier = Classifier()

    def decode_request(self, request):  # noqa: ANN001, ANN201 - LitServe reads annotations as a request schema
        """Make the upload the model's input."""
        return preprocess(open_image(request["file"].file.read()))

    def predict(self, x):  # noqa: ANN001, ANN201
        """Infer."""
        return self.classifier.infer(x)

    def encode_response(self, output):  # noqa: ANN001, ANN201
        """Answer with labels."""
        return self.classifier.answer(output)


if __name__ == "__main__":
    server = ls.LitServer(API(), accelerator="cpu", devices=1, workers_per_device=2)
    server.run(host="127.0.0.1", port=PORT, log_level="warning", generate_client_file=False)
