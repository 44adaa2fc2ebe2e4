"""The bodies of the protocols that other people's clients speak: Open Inference Protocol v2, Hugging Face's, TorchServe's."""

from typing import Annotated, Any

from pydantic import Field

from sightserve.api.schema import Probability, WireModel


class ErrorMessage(WireModel):
    """An error of the Open Inference Protocol and of Hugging Face's."""

    error: str
    estimated_time: Annotated[float | None, Field(description="seconds until it is worth asking again")] = None


class TorchServeError(WireModel):
    """An error of TorchServe."""

    code: int
    type: str
    message: str


class Live(WireModel):
    """Whether the process lives."""

    live: bool


class Ready(WireModel):
    """Whether it is ready for work, and which model."""

    name: str | None = None
    ready: bool


class ServerMetadata(WireModel):
    """What the server is and which extensions of the protocol it has."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(WireModel):
    """A tensor that a model takes or gives; -1: as many as there are photos."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(WireModel):
    """What a model takes and gives."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class TensorConfig(WireModel):
    """A tensor as Triton's `config.pbtxt` has it."""

    name: str
    data_type: str
    dims: list[int]


class ModelConfig(WireModel):
    """What of Triton's model configuration there is to say of ours."""

    name: str
    platform: str
    backend: str
    max_batch_size: Annotated[int, Field(description="0: the first dimension is there already, and counts the photos")]
    input: list[TensorConfig]
    output: list[TensorConfig]


class IndexedModel(WireModel):
    """A model of the repository, which holds one."""

    name: str
    version: str
    state: str
    reason: str = ""


class OutputTensor(WireModel):
    """A result; its data are here, or in bytes behind the JSON."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, int] | None = None
    data: list[Any] | None = None


class InferAnswer(WireModel):
    """The answer to a request for inference."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


class Score(WireModel):
    """A class and its score, as Hugging Face's image classification gives them."""

    label: str
    score: Probability


class EndpointInfo(WireModel):
    """What `InferenceClient.get_endpoint_info` shows."""

    model_id: str
    model_sha: str
    model_pipeline_tag: str = "image-classification"
    version: str


class Ping(WireModel):
    """TorchServe's health."""

    status: str
