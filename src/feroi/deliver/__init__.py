"""Networks outside of training: ONNX files, and reading with them without torch."""
