"""Quantization-aware training: where a written int8 file rounds, and the same rounding in the Keras model.

Jacob et al. (arXiv:1712.05877). `flattened` lists every call of a layer, those of models inside the model too; `kinds`
and the modules it names say what integer arithmetic does for each kind of layer; `simulation` puts them together.
"""
