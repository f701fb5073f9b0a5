"""What is changed in a TFLite file after TensorFlow's converter wrote it: parts that integers spoil go back to float.

No TensorFlow is needed: the schema comes with LiteRT.
"""
