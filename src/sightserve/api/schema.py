"""The bodies of the HTTP contract, requests' answers and problems alike, with units and ranges.

The backend writes them and the client reads them. A reader ignores fields that it does not know, so that a newer backend
can add some without breaking an older client.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

ID_PATTERN: Final = "^[A-Za-z0-9_-]{1,64}$"  # of an answer

Probability = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Milliseconds = Annotated[float, Field(ge=0.0, description="milliseconds")]


class WireModel(BaseModel):
    """Base of everything that crosses the wire: immutable, and tolerant of fields from the future."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class RankedLabel(WireModel):
    """One class and how probable it is."""

    index: Annotated[int, Field(ge=0, description="position in the model's output")]
    label: str
    probability: Probability


class ModelRef(WireModel):
    """Which model answered."""

    name: str
    version: str
    outputs: Annotated[
        Literal["exclusive", "independent"],
        Field(description="whether one class is right, or each has a probability of its own: several may be, or none"),
    ] = "exclusive"


class ImageInfo(WireModel):
    """What the image was: its size is that of the upright picture, after EXIF orientation."""

    width: Annotated[int, Field(ge=1, description="pixels")]
    height: Annotated[int, Field(ge=1, description="pixels")]
    format: Annotated[str, Field(description="JPEG, PNG, WEBP, GIF, BMP, TIFF, AVIF or HEIF")]


class Part(WireModel):
    """A part of the upright photo, in fractions of its width and height; padding lies beyond 0 and 1."""

    left: float
    top: float
    width: float
    height: float


class HeatMap(WireModel):
    """Where the model looked: what speaks for a class, part by part of the photo.

    By `class_activation` a value is what its part adds to the class's logit, and their sum is the logit. By `occlusion` it is
    how much less probable the class is with this part covered. Neither says that the model was right.
    """

    method: Literal["class_activation", "occlusion"]
    index: Annotated[int, Field(ge=0, description="of the class, in the model's output")]
    label: str
    rows: Annotated[int, Field(ge=1)]
    columns: Annotated[int, Field(ge=1)]
    values: Annotated[list[list[float]], Field(description="row by row, from the top; negative: speaks against it")]
    box: Annotated[Part, Field(description="what of the photo the grid covers")]


class Timing(WireModel):
    """Where the time went on the server, network and upload not counted; together they are the whole."""

    queue: Annotated[float, Field(ge=0, description="milliseconds until, and while, others were worked on")]
    decode: Milliseconds
    inference: Annotated[float, Field(ge=0, description="milliseconds: its share, where several ran together")]


class Prediction(WireModel):
    """The answer for one image."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        json_schema_extra={
            "example": {
                "filename": "cat.jpg",
                "prediction": "tabby",
                "probability": 0.7,
                "recognised": True,
                "top_k": [
                    {"index": 281, "label": "tabby", "probability": 0.7},
                    {"index": 285, "label": "Egyptian cat", "probability": 0.15},
                ],
                "probabilities": None,
                "heat_map": None,
                "model": {"name": "efficientnet-lite2-int8", "version": "2.0.0", "outputs": "exclusive"},
                "image": {"width": 500, "height": 375, "format": "JPEG"},
                "timing_ms": {"queue": 0.1, "decode": 3.4, "inference": 7.9},
            }
        },
    )

    filename: Annotated[str | None, Field(description="as the client sent it; never used as a path")] = None
    prediction: Annotated[str, Field(description="the most probable class")]
    probability: Probability
    recognised: Annotated[
        bool, Field(description="false: no class stands out from the others, so that it is probably of none of them")
    ] = True
    top_k: Annotated[list[RankedLabel], Field(description="most probable first")]
    probabilities: Annotated[
        list[Probability] | None, Field(description="every class in the model's order, when asked for")
    ] = None
    heat_map: Annotated[HeatMap | None, Field(description="where the model looked, when asked for")] = None
    model: ModelRef
    image: ImageInfo
    timing_ms: Timing
    id: Annotated[
        str | None, Field(description="to say by POST /feedback whether it was right; null where nothing is kept")
    ] = None


def _one_line(label: str) -> str:
    if not label.isprintable():
        raise ValueError("a label is one line, without control characters")
    return label


def _text(note: str) -> str:
    if "\0" in note:
        raise ValueError("a note has no NUL in it")  # no database takes one
    return note


class Feedback(WireModel):
    """What a person says of an answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=ID_PATTERN, description="the answer's")]
    verdict: Literal["right", "wrong"]
    label: Annotated[
        Annotated[
            str,
            Field(min_length=1, max_length=200),
            StringConstraints(strip_whitespace=True),
            AfterValidator(_one_line),
        ]
        | None,
        Field(description="what it is, where it was wrong: a label, or a new one"),
    ] = None
    note: Annotated[str, Field(max_length=1000), AfterValidator(_text)] = ""

    @model_validator(mode="after")
    def _is_one_verdict(self) -> Self:
        if self.verdict == "right" and self.label is not None:
            raise ValueError("a label is for an answer that was wrong")
        return self


class FeedbackSaved(WireModel):
    """A correction is in the database."""

    id: Annotated[str, Field(description="the answer's, which DELETE /feedback/{id} takes")]
    photo: Annotated[bool, Field(description="whether the photo was kept with it")] = False


class FeedbackInfo(WireModel):
    """What is kept where the backend takes feedback."""

    days: Annotated[int, Field(ge=1, description="after which all of it is deleted")]
    photos: Annotated[bool, Field(description="whether a photo may be given with a correction")] = True


class FeedbackSummary(WireModel):
    """How right the model was, by what people said of its answers."""

    predictions: Annotated[int, Field(ge=0, description="answers that are kept")]
    judged: Annotated[int, Field(ge=0, description="of which somebody said whether they were right")]
    right: Annotated[int, Field(ge=0)]
    low: Annotated[float | None, Field(ge=0, le=1, description="of the share of right ones, 95 % (Wilson)")] = None
    high: Annotated[float | None, Field(ge=0, le=1)] = None


class Problem(WireModel):
    """An error, as RFC 9457 problem details with a stable `code`."""

    type: Annotated[str, Field(description="a URI for this kind of problem; `about:blank` where the code says it all")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    code: Annotated[str, Field(description="stable; see the list of error codes")]
    request_id: Annotated[str | None, Field(description="the same as in X-Request-ID and in the server's log")] = None


class BatchItem(WireModel):
    """One file of a batch: either its prediction or its problem."""

    filename: str | None = None
    result: Prediction | None = None
    error: Problem | None = None


class BatchPrediction(WireModel):
    """The answers for a batch, in the order of its files."""

    results: list[BatchItem]
    succeeded: Annotated[int, Field(ge=0)]
    failed: Annotated[int, Field(ge=0)]


class CourseClassification(WireModel):
    """The answer of `/classify/`, for clients that follow the course: every class's probability in one nested list."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        json_schema_extra={
            "example": {"filename": "my_cat.jpg", "prediction": "tabby", "probabilities": [[0.0, 0.7, 0.3]]}
        },
    )

    filename: str | None = None
    prediction: str
    probabilities: Annotated[list[list[Probability]], Field(description="one row of every class, in the model's order")]


class SampleInfo(WireModel):
    """A photo to try a model on."""

    title: str
    alt: str = ""
    path: Annotated[str, Field(description="where the backend has it")]


class Kind(WireModel):
    """What several labels are kinds of: their probabilities add up to that of this."""

    name: Annotated[str, Field(description="in the singular, without an article")]
    classes: Annotated[list[Annotated[int, Field(ge=0)]], Field(description="their indices")]


class ModelInfo(WireModel):
    """The model that the backend serves."""

    name: str
    version: str
    description: str
    classes: Annotated[int, Field(ge=2)]
    labels: Annotated[list[str], Field(description="class names in the model's order")]
    kinds: Annotated[list[Kind], Field(description="what several labels are kinds of; some contain others")] = []
    input: Annotated[
        dict[str, Any] | None, Field(description="how a photo becomes its input, as the manifest's `input` says it")
    ] = None
    input_width: Annotated[int, Field(ge=1, description="pixels, for a square photo")]
    input_height: Annotated[int, Field(ge=1, description="pixels, for a square photo")]
    input_crop: Annotated[
        float | None, Field(gt=0, le=1, description="part of the largest centred box of the input's shape that it sees")
    ] = None
    outputs: Literal["exclusive", "independent"] = "exclusive"
    heat_map: Annotated[
        Literal["class_activation", "occlusion"] | None,
        Field(description="how it says where it looked: the first costs nothing, the second many looks at a photo"),
    ] = None
    calibration: Annotated[
        dict[str, float | str | None] | None, Field(description="the temperature, and what it does to the error")
    ] = None
    title: Annotated[str | None, Field(description="of the product")] = None
    question: Annotated[str | None, Field(description="that a photo answers")] = None
    about: Annotated[str, Field(description="what it can tell")] = ""
    samples: list[SampleInfo] = []
    source: str
    license: Annotated[str, Field(description="SPDX expression")]
    sha256: Annotated[str, Field(description="of the ONNX file")]
    size_bytes: Annotated[int, Field(ge=1)]
    accuracy: Annotated[
        dict[str, float | int | str | None] | None, Field(description="as measured and written into the manifest")
    ] = None

    def looks(self) -> dict[str, Any]:
        """Return how a photo becomes its input; of a backend that does not say, a crop that loses nothing it may need."""
        if self.input is not None:
            return self.input
        # half of a side: twice the pixels that its model takes, enough for any sensible crop
        return {
            "fit": "crop",
            "width": self.input_width,
            "height": self.input_height,
            "fraction": self.input_crop or 0.5,
        }


class Limits(WireModel):
    """What the backend takes, so that a client can say so before it uploads."""

    max_upload_bytes: int
    max_pixels: int
    max_batch_files: int
    image_types: Annotated[list[str], Field(description="media types")]
    deadline_ms: Annotated[
        int | None, Field(description="what cannot be answered in this time is refused; null: the server does not say")
    ] = None


class Reload(WireModel):
    """Which model is to serve from now on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Annotated[
        str | None,
        Field(max_length=255, description="accurate, fast or the name of an added one; absent: the same again"),
    ] = None


class Reloaded(WireModel):
    """Which model serves from now on, and which one did before."""

    model: ModelRef
    before: ModelRef


class ServiceInfo(WireModel):
    """The greeting at `/`."""

    message: str
    name: Literal["sightserve"] = "sightserve"
    version: str
    model: ModelRef
    limits: Limits
    feedback: Annotated[FeedbackInfo | None, Field(description="null: nothing is kept, no feedback is taken")] = None
    links: dict[str, str]


class Health(WireModel):
    """Whether the process lives, or is ready for work."""

    status: Literal["alive", "ready"]
