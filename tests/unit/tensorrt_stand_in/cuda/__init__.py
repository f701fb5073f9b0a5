"""CUDA's Python interface without CUDA."""
