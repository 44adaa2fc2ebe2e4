"""What an extractor's graph has beside the network's own nodes: views of photos before it, numbers for a slot after it."""

from typing import Any, Final

import numpy as np

ROWS: Final = 8
COLUMNS: Final = 9  # one more than bits: each bit compares two neighbours
SCALE: Final = 2.0**40  # larger features than this are no network's, and smaller ones than 2**-86 are nothing
_EDGE: Final = 16  # of a side, what a crop leaves away at each end: 7/8 are left
_LIGHT: Final = 0.7  # of the brightness that there was
_LUMA: Final = np.array([0.299, 0.587, 0.114]) / 255  # ITU-R 601
_PREFIX: Final = "sightserve_extract_"
NUMBERS: Final = _PREFIX + "numbers"


class ExtractorNodes:
    """Adds nodes to a graph, which takes photos as bytes, (N, height, width, 3), of any size."""

    def __init__(self, graph: Any) -> None:  # noqa: ANN401
        self._graph = graph
        self._count = 0

    def _constant(self, value: Any, dtype: Any = np.float32) -> str:  # noqa: ANN401
        from onnx import numpy_helper  # noqa: PLC0415 - slow to import

        self._count += 1
        name = f"{_PREFIX}constant_{self._count}"
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def _step(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:  # noqa: ANN401
        from onnx import helper  # noqa: PLC0415

        self._count += 1
        made = name or f"{_PREFIX}{kind.lower()}_{self._count}"
        node = helper.make_node(kind, list(inputs), [made], name=made, **attributes)
        self._graph.node.append(node)
        return made

    def view(self, photos: str, view: str) -> str:
        """Return photos as bytes, (N, height, width, 3), of which each is changed."""
        from onnx import TensorProto  # noqa: PLC0415

        if view == "mirror":
            ends = [self._constant([value], np.int64) for value in (-1, np.iinfo(np.int64).min, 2, -1)]
            made = self._step("Slice", photos, *ends)
        else:
            part = self._middle(photos) if view == "crop" else photos
            numbers = self._step("Cast", part, to=TensorProto.FLOAT)
            if view == "light":
                numbers = self._step("Mul", numbers, self._constant(_LIGHT))
            else:
                numbers = self._as_large_as(photos, numbers)
            rounded = self._step("Add", numbers, self._constant(0.5))
            made = self._step("Cast", rounded, to=TensorProto.UINT8)
        return made

    def _middle(self, photos: str) -> str:
        sides = self._step("Slice", self._step("Shape", photos), *(self._constant([n], np.int64) for n in (1, 3)))
        edges = self._step("Div", sides, self._constant(_EDGE, np.int64))
        return self._step("Slice", photos, edges, self._step("Sub", sides, edges), self._constant([1, 2], np.int64))

    def _as_large_as(self, photos: str, numbers: str) -> str:
        planes = self._step("Transpose", numbers, perm=[0, 3, 1, 2])
        shape = self._step("Gather", self._step("Shape", photos), self._constant([0, 3, 1, 2], np.int64), axis=0)
        nothing = self._constant([])
        sized = self._step(
            "Resize", planes, nothing, nothing, shape, mode="linear", coordinate_transformation_mode="half_pixel"
        )
        return self._step("Transpose", sized, perm=[0, 2, 3, 1])

    def outputs(self, photos: str, features: str, size: int) -> None:
        """Have the graph give the numbers of an `Extractor`, and nothing else."""
        from onnx import TensorProto, helper  # noqa: PLC0415

        rows = self._constant([-1, size], np.int64)
        vector = self._step("Reshape", self._step("Cast", features, to=TensorProto.FLOAT), rows)
        # the negative ones by themselves: beside an offset, small ones would lose their last bits
        halves = [
            self._step("Mul", self._step("Relu", each), self._constant(1 / SCALE))
            for each in (vector, self._step("Neg", vector))
        ]
        made = self._step("Concat", *halves, self._cells(photos), name=NUMBERS, axis=1)
        del self._graph.output[:]
        self._graph.output.append(
            helper.make_tensor_value_info(made, TensorProto.FLOAT, ["N", 2 * size + ROWS * COLUMNS])
        )

    def _cells(self, photos: str) -> str:
        """Return the brightness of ROWS x COLUMNS cells, 0 to 1, (N, ROWS * COLUMNS), of photos of any size."""
        from onnx import TensorProto  # noqa: PLC0415

        shape = self._step("Shape", photos)
        lines = self._step("Reshape", photos, self._constant([0, 0, -1], np.int64))
        lines = self._step("Cast", lines, to=TensorProto.FLOAT)
        # height first: one product of matrices for all that has the photo's many pixels
        low = self._step("MatMul", self._weights(shape, 1, ROWS), lines)
        colours = self._step("Reshape", low, self._constant([0, ROWS, -1, 3], np.int64))
        brightness = self._step("MatMul", colours, self._constant(_LUMA))
        narrow = self._step("Transpose", self._weights(shape, 2, COLUMNS), perm=[1, 0])
        cells = self._step("MatMul", brightness, narrow)
        flat = self._step("Reshape", cells, self._constant([-1, ROWS * COLUMNS], np.int64))
        return self._step("Clip", flat, self._constant(0.0), self._constant(1.0))

    def _weights(self, shape: str, axis: int, cells: int) -> str:
        """Return how much each pixel counts in each cell, (cells, pixels): triangles, a shift changes little."""
        from onnx import TensorProto  # noqa: PLC0415

        side = self._step("Gather", shape, self._constant(axis, np.int64), axis=0)
        pixels = self._step("Range", self._constant(0, np.int64), side, self._constant(1, np.int64))
        middles = self._step("Add", self._step("Cast", pixels, to=TensorProto.FLOAT), self._constant(0.5))
        scaled = self._step("Mul", middles, self._constant(cells))
        along = self._step("Div", scaled, self._step("Cast", side, to=TensorProto.FLOAT))
        row = self._step("Reshape", along, self._constant([1, -1], np.int64))
        away = self._step("Abs", self._step("Sub", row, self._constant(np.arange(cells)[:, None] + 0.5)))
        # a photo of fewer pixels than cells has some in each all the same
        near = self._step("Add", self._step("Relu", self._step("Sub", self._constant(1.0), away)), self._constant(1e-6))
        column = self._step("Reshape", along, self._constant([-1, 1], np.int64))
        ones = self._step("Add", self._step("Mul", column, self._constant(0.0)), self._constant(1.0))
        return self._step("Div", near, self._step("MatMul", near, ones))
