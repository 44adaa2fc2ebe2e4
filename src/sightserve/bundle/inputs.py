"""What a manifest may say of how a photo becomes the model's input. `imaging.geometry.input_geometry` does it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Interpolation = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
Side = Annotated[int, Field(ge=1, le=4096, description="px")]
Channel = Annotated[int, Field(ge=0, le=255)]
# To which whole pixels a photo is resized and cut: see `imaging.geometry.ResizeThenCrop`.
Rounding = Literal["torchvision", "transformers", "paddle"]


class Strict(BaseModel):
    """A part of a manifest: nothing that it does not know is let pass."""

    # a misspelt key must not pass for a missing one
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Input(Strict):
    """How a photo becomes the model's input; `imaging.geometry` says exactly where each way cuts.

    Attributes:
        interpolation: with which it is resized.
        antialias: whether each pixel of the result is a mean over all that it covers, as in Pillow and torchvision, or bilinear
            between the four nearest, as in OpenCV, Paddle, and Keras by default.
        decode: `fast`: JPEGs at the smallest scale that has the input's pixels, and the faster resizer; `exact`: as it is done
            by the frameworks that networks are trained with (`imaging.decode.Decoder.exact`).
    """

    interpolation: Interpolation
    antialias: bool = True
    decode: Literal["fast", "exact"] = "fast"

    @model_validator(mode="after")
    def _knows_this_one(self) -> "_Input":
        if not self.antialias and self.interpolation != "bilinear":
            raise ValueError(f"antialias: false is for bilinear interpolation, not {self.interpolation}")
        return self


class WholeInput(_Input):
    """All of the photo in its own shape, and what is longer than `widest` cut at both ends."""

    fit: Literal["whole"]
    shorter_side: Side
    multiple: Annotated[int, Field(ge=1, le=1024, description="px; of which both sides are multiples")] = 32
    widest: Annotated[float, Field(ge=1, le=16, description="longer by shorter side, at most")] = 3.0

    @model_validator(mode="after")
    def _divides(self) -> "WholeInput":
        if self.shorter_side % self.multiple:
            raise ValueError(f"shorter_side must be a multiple of {self.multiple}")
        return self


class CropInput(_Input):
    """A box from the middle: resized first, the shorter side to `resize` px, or a `fraction` of the largest such box."""

    fit: Literal["crop"]
    height: Side
    width: Side
    resize: Side | None = None
    rounding: Rounding = "torchvision"
    fraction: Annotated[float, Field(gt=0, le=1)] | None = None

    @model_validator(mode="after")
    def _says_how_much(self) -> "CropInput":
        if (self.resize is None) == (self.fraction is None):
            raise ValueError("a crop needs either resize (px of the shorter side) or fraction (of the largest box)")
        return self


class SquashInput(_Input):
    """The whole photo made as wide and high as this, whatever its shape; or as `resize`, and the middle cut out of that."""

    fit: Literal["squash"]
    height: Side
    width: Side
    resize: Annotated[tuple[Side, Side] | None, Field(description="height and width, px")] = None
    rounding: Rounding = "torchvision"


class PadInput(_Input):
    """The whole photo in its own shape, and one colour beside it."""

    fit: Literal["pad"]
    height: Side
    width: Side
    colour: tuple[Channel, Channel, Channel] = (0, 0, 0)
    align: Annotated[Literal["centre", "start"], Field(description="start: at the left and upper edges")] = "centre"


InputSpec = Annotated[WholeInput | CropInput | SquashInput | PadInput, Field(discriminator="fit")]
