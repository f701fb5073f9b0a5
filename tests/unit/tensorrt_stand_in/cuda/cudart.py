"""Memory of the host in place of the device's."""

import ctypes

_held = {}


class cudaMemcpyKind:  # noqa: N801
    cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost = 1, 2  # noqa: N815


def cudaStreamCreate():
    return 0, 7


def cudaStreamSynchronize(stream):
    return (0,)


def cudaMalloc(size):
    buffer = ctypes.create_string_buffer(size)
    address = ctypes.addressof(buffer)
    _held[address] = buffer
    return 0, address


def cudaFree(address):
    del _held[address]
    return (0,)


def cudaMemcpy(to, source, size, kind):
    ctypes.memmove(to, source, size)
    return (0,)
