"""T9: a profile for every dynamic input, and no double precision."""

from compressor.lint.tensorrt.network import Complaints, Network


def input_profiles(network: Network) -> Complaints:
    """trtexec --help: minShapes, optShapes and maxShapes for every dynamic input."""
    for tensor in network.inputs:
        shape, profile = tensor.shape, network.platform.profiles.get(tensor.name)
        if (shape is None or None in shape) and profile is None:
            todo = "give it an optimization profile"
            yield tensor.name, "the input is dynamic", "min, opt and max shapes", "none", todo
        elif shape is not None and profile is not None and not profile.fits(shape):
            wrong, todo = "the profile does not fit the input", "keep fixed sizes and min <= opt <= max"
            yield tensor.name, wrong, shape, tuple(profile), todo


def doubles(network: Network) -> Complaints:
    """operators.md: limited support for DOUBLE, which is cast down to FLOAT and clamped where possible."""
    tensors = [*network.inputs, *(tensor for node in network.nodes for tensor in node.inputs)]
    names = [tensor.name for tensor in tensors if tensor.type == "double"]
    names += [node.name for node in network.nodes if "double" in node.attributes.values()]
    for name in dict.fromkeys(names):
        yield name, "TensorRT does not compute in double", "float", "double", "cast to float before export"
