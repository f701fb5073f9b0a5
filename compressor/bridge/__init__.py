"""Keras of any age and tf_keras: one made again in the other, and proven to answer the same."""
