"""What a model is: a directory with a manifest, an ONNX graph and labels, verified before anything uses it."""
