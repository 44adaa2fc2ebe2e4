"""How much of a stranger's video is read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one video; what is above one is refused by name.

    Attributes:
        seconds: of playing time.
        pixels: of one picture; 33 million are 8K.
        frames_per_second: on average; what claims more is no video that anybody plays.
        memory: bytes of address space of the process that reads it (where the system bounds that: Linux).
        output_bytes: of the annotated file.
        quiet_seconds: without any progress after which that process counts as hung.
    """

    seconds: float = 3600.0
    pixels: int = 7680 * 4320
    frames_per_second: float = 480.0
    memory: int = 4 * 1024**3
    output_bytes: int = 4 * 1024**3
    quiet_seconds: float = 60.0
