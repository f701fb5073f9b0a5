"""As much of TensorRT's Python interface as `run_engine.py` calls: an engine that doubles its input."""

import ctypes

import numpy as np


class Logger:
    WARNING = 1

    def __init__(self, level):
        pass


class TensorIOMode:
    INPUT, OUTPUT = "in", "out"


def nptype(kind):
    return kind


class Runtime:
    def __init__(self, logger):
        pass

    def deserialize_cuda_engine(self, content):
        return Engine() if content == b"a plan" else None


class Engine:
    num_io_tensors = 2

    def get_tensor_name(self, index):
        return ("x", "y")[index]

    def get_tensor_mode(self, name):
        return {"x": TensorIOMode.INPUT, "y": TensorIOMode.OUTPUT}[name]

    def get_tensor_dtype(self, name):
        return np.float32

    def create_execution_context(self):
        return Context()


class Context:
    def __init__(self):
        self.addresses, self.shape = {}, None

    def set_input_shape(self, name, shape):
        self.shape = tuple(shape)

    def get_tensor_shape(self, name):
        return self.shape

    def set_tensor_address(self, name, address):
        self.addresses[name] = address

    def execute_async_v3(self, stream):
        count = int(np.prod(self.shape))
        x, y = (
            np.ctypeslib.as_array((ctypes.c_float * count).from_address(self.addresses[name])) for name in ("x", "y")
        )
        y[:] = 2 * x
        return True
