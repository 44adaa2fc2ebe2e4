"""BentoML as its documentation shows: a service class, an API that takes a PIL image, two workers."""

import bentoml
from common import Classifier, preprocess
from PIL.Image import Image


@bentoml.service(workers=2)
class Classify:
    """One worker."""

    def __init__(self) -> None:
        self.classifier = Classifier()

    @bentoml.api
    def predict(self, file: Image) -> dict:
        """Classify one photo."""
        return self.classifier.answer(self.classifier.infer(preprocess(file)))
