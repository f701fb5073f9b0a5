"""Whole channels taken out of a network, which is smaller afterwards: the heart of the step `channel_prune`.

`flow` follows every channel of a functional tf_keras model from layer to layer by the `rules` of its layers; `channels`
knows which of them stand or fall together, `groups` which can be chosen among. `importance` says which go first,
`sensitivity`, `cost` and `amounts` how many of each group; `surgery` makes the smaller model.
"""
