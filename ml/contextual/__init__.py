"""The second reader: a small sentence encoder for what n-grams cannot tell, beside the additive model.

Serving needs `onnxruntime` and `tokenizers` only; making one needs torch and onnx (`requirements-train.in`).
"""
