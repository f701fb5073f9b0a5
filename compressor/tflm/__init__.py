"""What TensorFlow Lite Micro makes of a `.tflite` file: memory, operators, C++ sources. No TensorFlow is needed."""
