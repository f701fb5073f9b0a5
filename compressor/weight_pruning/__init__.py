"""Single weights set to zero, each kernel keeping its shape: the heart of the step `prune`.

`choice` says which kernels of a tf_keras model are pruned and why others are not; `patterns` which weights fall
together, `schedules` how many have fallen at which optimizer step, `masks` which they are; `callback` sets them to zero
while the model trains. All but `choice` and `callback` is arithmetic of NumPy.
"""
