"""Few distinct values for each kernel: the heart of the step `cluster`.

`kmeans` finds the values and which weight takes which; `kernels` knows what of a model is clustered; `projection` keeps
the weights of a cluster equal while a model trains.
"""
