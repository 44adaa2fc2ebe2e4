"""Write the embedded int8 model with a float32 NCHW input: QuantizeLinear and a transpose in front, nothing else changed.

Usage: python make_float_model.py MODEL.onnx FLOAT_MODEL.onnx
"""

import sys

import onnx
from onnx import TensorProto, helper


def main(source: str, target: str) -> None:
    """Read `source`, write `target`."""
    model = onnx.load(source)
    old = model.graph.input[0].name
    constants = [
        helper.make_tensor("straight_scale", TensorProto.FLOAT, [], [1 / 128]),
        helper.make_tensor("straight_zero", TensorProto.UINT8, [], [127]),
    ]
    nodes = [
        helper.make_node("QuantizeLinear", ["photo", "straight_scale", "straight_zero"], ["straight_nchw"]),
        helper.make_node("Transpose", ["straight_nchw"], [old], perm=[0, 2, 3, 1]),
    ]
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *rest])
    model.graph.initializer.extend(constants)
    del model.graph.input[:]
    model.graph.input.append(helper.make_tensor_value_info("photo", TensorProto.FLOAT, ["N", 3, "height", "width"]))
    onnx.checker.check_model(model)
    onnx.save(model, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
