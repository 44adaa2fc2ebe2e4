"""Colours told by numbers, not by a profile -> [sRGB, tone-mapped where they are HDR] -> the few pixels that are left.

PNG says them in cICP or gAMA and cHRM, AVIF and HEIF in nclx: code points of ITU-T H.273 for the primaries and the transfer
function. HDR (PQ, HLG) is brought to an ordinary screen with white at 203 cd/m2 (ITU-R BT.2408); what is brighter is rolled off
as BT.2390 does, from the picture's own peak.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_PQ, _HLG = 16, 18
_WHITE: Final = 203.0  # cd/m2, of what an SDR picture calls white
_HLG_PEAK: Final = 1000.0
_HLG_GAMMA: Final = 1.2  # of a screen of that peak (BT.2100)
_D65: Final = (0.3127, 0.3290)
_SRGB: Final = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *_D65)
_PRIMARIES: Final[dict[int, tuple[float, ...]]] = {  # H.273, table 2: red, green, blue, white
    4: (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, 0.310, 0.316),
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, *_D65),
    6: (0.63, 0.34, 0.31, 0.595, 0.155, 0.07, *_D65),
    7: (0.63, 0.34, 0.31, 0.595, 0.155, 0.07, *_D65),
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, 0.310, 0.316),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    11: (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.314, 0.351),
    12: (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, *_D65),
    22: (0.63, 0.34, 0.295, 0.605, 0.155, 0.077, *_D65),
}
# Everything that is not here is shown as sRGB: the curves of television (1, 6, 14, 15) are meant for the same screens.
_GAMMAS: Final = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
_BRADFORD: Final = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_STEPS: Final = 4096  # of the table from linear light to sRGB
_CLOSE: Final = 0.005  # chromaticities and gammas that differ by less are the same, written by another program
_USUAL_GAMMA: Final = (2.1, 2.3)


@dataclass(frozen=True, slots=True)
class Colours:
    """How an image's channels are meant.

    Attributes:
        primaries: x and y of red, green, blue and white.
        transfer: a code point of H.273, 0 where `gamma` says it.
        gamma: exponent of a plain power function, None where it is sRGB's or `transfer` says another.
    """

    primaries: tuple[float, ...] = _SRGB
    transfer: int = 0
    gamma: float | None = None

    @property
    def hdr(self) -> bool:
        """Whether this is brighter than an ordinary screen."""
        return self.transfer in {_PQ, _HLG}

    @property
    def usual(self) -> bool:
        """Whether this is sRGB, or near enough to be taken for it."""
        same = all(abs(mine - usual) <= _CLOSE for mine, usual in zip(self.primaries, _SRGB, strict=True))
        return same and not self.hdr and (self.gamma is None or _USUAL_GAMMA[0] <= self.gamma <= _USUAL_GAMMA[1])


def from_code_points(primaries: int, transfer: int) -> Colours:
    """Return the colours that two code points stand for; what is unknown or unspecified is as in sRGB."""
    return Colours(_PRIMARIES.get(primaries, _SRGB), transfer, _GAMMAS.get(transfer))


def from_png(gamma: float | None, chromaticity: tuple[float, ...] | None) -> Colours:
    """Return the colours that gAMA (as Pillow gives it: 0.45455) and cHRM (white, red, green, blue) stand for."""
    exponent = 1 / gamma if gamma and 0.05 <= gamma <= 20 else None  # noqa: PLR2004 - beyond is nonsense
    if chromaticity is None or len(chromaticity) != len(_SRGB):
        return Colours(gamma=exponent)
    return Colours((*chromaticity[2:], *chromaticity[:2]), gamma=exponent)


def to_srgb(image: Image.Image, colours: Colours) -> Image.Image:
    """Return an RGB image in sRGB; as it is where its primaries make no sense."""
    try:
        with np.errstate(all="ignore"):
            matrix = _to_srgb_primaries(colours.primaries)
    except (np.linalg.LinAlgError, ValueError):
        return image
    light = _light(colours.transfer, colours.gamma)[np.asarray(image)]
    if colours.transfer == _HLG:
        light = _shown(light)
    if colours.hdr:
        light = _rolled_off(light)
    light = light @ matrix.T
    return Image.fromarray(_encoded()[(light.clip(0, 1) * (_STEPS - 1) + 0.5).astype(np.int32)])


def pq_to_light(signal: NDArray[Any] | float) -> NDArray[Any]:
    """Return cd/m2 of a PQ signal from 0 to 1 (SMPTE ST 2084)."""
    power = np.power(np.clip(signal, 0, 1), 32 / 2523)
    result: NDArray[Any] = 10_000 * np.power(
        np.maximum(power - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * power), 16384 / 2610
    )
    return result


def light_to_pq(light: NDArray[Any] | float) -> NDArray[Any]:
    """Return the PQ signal, 0 to 1, of cd/m2."""
    power = np.power(np.maximum(light, 0) / 10_000, 2610 / 16384)
    result: NDArray[Any] = np.power((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power), 2523 / 32)
    return result


@lru_cache(maxsize=16)
def _light(transfer: int, gamma: float | None) -> NDArray[Any]:
    """Return the linear light of each of 256 values: 1 is white, in HDR 203 cd/m2, in HLG the scene's brightest."""
    signal = np.arange(256) / 255
    if transfer == _PQ:
        light = pq_to_light(signal) / _WHITE
    elif transfer == _HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)  # noqa: PLR2004
    elif gamma is not None:
        light = signal**gamma
    else:
        light = np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004
    result: NDArray[Any] = light.astype(np.float32)
    return result


@lru_cache(maxsize=1)
def _encoded() -> NDArray[np.uint8]:
    light = np.linspace(0, 1, _STEPS)
    signal = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)  # noqa: PLR2004
    result: NDArray[Any] = (signal * 255).round().astype(np.uint8)
    return result


def _shown(scene: NDArray[Any]) -> NDArray[Any]:
    """Return a scene's light as a screen of 1,000 cd/m2 shows it (BT.2100's OOTF), in units of white."""
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593], dtype=np.float32)
    result: NDArray[Any] = scene * (np.maximum(luminance, 1e-6) ** (_HLG_GAMMA - 1) * (_HLG_PEAK / _WHITE))[..., None]
    return result


def _rolled_off(light: NDArray[Any]) -> NDArray[Any]:
    """Bring what is brighter than white below it, hue kept: BT.2390's curve on the largest of the three channels."""
    brightest = light.max(axis=2)
    peak = float(np.percentile(brightest, 99.9))
    if peak <= 1.02:  # noqa: PLR2004 - the picture is no brighter than an SDR one
        return light
    top = float(light_to_pq(np.float64(peak * _WHITE)))
    signal = np.minimum(light_to_pq(brightest * _WHITE) / top, 1)
    white = float(light_to_pq(np.float64(_WHITE))) / top
    knee = 1.5 * white - 0.5
    t = np.clip((signal - knee) / (1 - knee), 0, 1)
    bent = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * white
    mapped = pq_to_light(np.where(signal > knee, bent, signal) * top) / _WHITE
    result: NDArray[Any] = (light * (mapped / np.maximum(brightest, 1e-6))[..., None]).astype(np.float32)
    return result


@lru_cache(maxsize=16)
def _to_srgb_primaries(primaries: tuple[float, ...]) -> NDArray[Any]:
    """Return the matrix from linear RGB of these primaries to that of sRGB, white to white (Bradford).

    Raises:
        ValueError: primaries that are no triangle.
        LinAlgError: the same.
    """
    matrix = np.linalg.inv(_to_xyz(_SRGB)) @ _adapted(primaries[6:]) @ _to_xyz(primaries)
    if not np.isfinite(matrix).all() or np.abs(matrix).max() > 100:  # noqa: PLR2004
        raise ValueError("primaries that make no sense")
    result: NDArray[Any] = matrix.astype(np.float32)
    return result


def _to_xyz(primaries: tuple[float, ...]) -> NDArray[Any]:
    columns = np.array([_xyz(*primaries[at : at + 2]) for at in (0, 2, 4)]).T
    result: NDArray[Any] = columns * np.linalg.solve(columns, _xyz(*primaries[6:]))
    return result


def _adapted(white: tuple[float, ...]) -> NDArray[Any]:
    ratio = (_BRADFORD @ _xyz(*_D65)) / (_BRADFORD @ _xyz(*white))
    result: NDArray[Any] = np.linalg.inv(_BRADFORD) @ np.diag(ratio) @ _BRADFORD
    return result


def _xyz(x: float, y: float) -> NDArray[Any]:
    if y <= 0:
        raise ValueError("a chromaticity without light")
    return np.array([x / y, 1, (1 - x - y) / y])
