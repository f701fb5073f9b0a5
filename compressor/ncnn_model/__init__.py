"""Models for NCNN: their graph as text, their weights as a stream of bytes, and both in one file.

Reading and running (`container.py`, `session.py`) need numpy and the package `ncnn`; `conversion.py`, `onnx_ready.py`
and `proof.py` also need what compressing needs.
"""
