"""Kernels as products of two thin ones: the heart of the step `low_rank`.

`factors` takes kernels apart, `amounts` says how thin each may be, `layers` what two layers a layer becomes and what
they cost, `rebuilding` makes the model.
"""
