"""Shapes of what ONNX operators write that cut, repeat, resize and rearrange values."""

from __future__ import annotations

from math import floor

from compressor.onnx_view.sizes import Attributes, Inputs, Rule, Shape, Sizes, integers, is_computed, known


def split(inputs: Inputs, attributes: Attributes, outputs: int) -> tuple[Shape, ...]:
    """One shape per output: of the parts that are stated, or of equal ones, the last of which may be smaller."""
    shape, parts = known(inputs[0]), integers(inputs, 1) or attributes.get("split")
    axis = attributes.get("axis", 0) % len(shape)
    size = shape[axis]
    if parts is None and size is not None:
        part = -(-size // outputs)
        parts = [min(part, size - place * part) for place in range(outputs)]
    if parts is None or is_computed(inputs, 1):
        parts = [None] * outputs
    return tuple((*shape[:axis], part, *shape[axis + 1 :]) for part in list(parts)[:outputs])


def top_k(inputs: Inputs, attributes: Attributes, outputs: int) -> tuple[Shape, ...]:
    """Values, and where they are."""
    shape, wanted = known(inputs[0]), integers(inputs, 1)
    k = wanted[0] if wanted else attributes.get("k")
    axis = attributes.get("axis", -1) % len(shape)
    return ((*shape[:axis], k, *shape[axis + 1 :]),) * outputs


def padded(inputs: Inputs, attributes: Attributes) -> Shape:
    """Amounts are attributes up to opset 10, and may be for some axes alone from 18 on."""
    shape, given = known(inputs[0]), attributes.get("pads")
    amounts = integers(inputs, 1) if given is None else list(given)
    axes = integers(inputs, 3)
    if amounts is None or is_computed(inputs, 3):
        return (None,) * len(shape)
    where = list(range(len(shape))) if axes is None else [axis % len(shape) for axis in axes]
    sizes = list(shape)
    for place, axis in enumerate(where):
        size = sizes[axis]
        sizes[axis] = None if size is None else size + amounts[place] + amounts[place + len(where)]
    return tuple(sizes)


def _sliced(inputs: Inputs, attributes: Attributes) -> Shape:
    shape, sizes = known(inputs[0]), list(known(inputs[0]))
    names = enumerate(("starts", "ends", "axes"), 1)
    starts, ends, axes = (attributes.get(name, integers(inputs, place)) for place, name in names)
    steps = integers(inputs, 4)
    if is_computed(inputs, 3):
        return (None,) * len(shape)
    if axes is None:
        count = len(starts) if starts is not None else len(ends) if ends is not None else len(shape)
        axes = range(count)
    for place, axis in enumerate(axes):
        size = sizes[axis]
        if size is None or starts is None or ends is None or is_computed(inputs, 4):
            sizes[axis] = None
        else:
            step = 1 if steps is None else steps[place]
            sizes[axis] = len(range(*slice(starts[place], _end(ends[place], size, step), step).indices(size)))
    return tuple(sizes)


def _end(end: int, size: int, step: int) -> int | None:
    """ONNX walks back beyond the first value with an end further than the size below zero; Python with none."""
    return None if step < 0 and end < -size else end


def _resized(inputs: Inputs, attributes: Attributes) -> Shape:
    shape = known(inputs[0])
    axes = [axis % len(shape) for axis in attributes.get("axes", range(len(shape)))]
    if attributes.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        return (None,) * len(shape)
    wanted, sizes = integers(inputs, 3), list(shape)
    scales = attributes.get("scales")
    for place in (2, 1):
        if scales is None and place < len(inputs) and (value := inputs[place].value) is not None and value.size:
            # Up to opset 10 the second input holds the scales, later a region of interest.
            scales = value.ravel().tolist() if place == 2 or len(inputs) == 2 else None
    for place, axis in enumerate(axes):
        size = sizes[axis]
        if wanted:
            sizes[axis] = wanted[place]
        else:
            sizes[axis] = None if size is None or scales is None else floor(size * scales[place])
    return tuple(sizes)


def _expanded(inputs: Inputs, attributes: Attributes) -> Shape:
    wanted, shape = integers(inputs, 1), known(inputs[0])
    if wanted is None:
        return None
    rank = max(len(wanted), len(shape))
    left: Sizes = (1,) * (rank - len(shape)) + shape
    right = [1] * (rank - len(wanted)) + wanted
    return tuple(other if size == 1 else size for size, other in zip(left, right, strict=True))


def _tiled(inputs: Inputs, attributes: Attributes) -> Shape:
    shape, repeats = known(inputs[0]), integers(inputs, 1)
    if repeats is None:
        return (None,) * len(shape)
    return tuple(None if size is None else size * count for size, count in zip(shape, repeats, strict=True))


def _depth_to_space(inputs: Inputs, attributes: Attributes) -> Shape:
    block = attributes["blocksize"]
    batch, channels, *spatial = known(inputs[0])
    return (batch, channels and channels // block**2, *(size and size * block for size in spatial))


def _space_to_depth(inputs: Inputs, attributes: Attributes) -> Shape:
    block = attributes["blocksize"]
    batch, channels, *spatial = known(inputs[0])
    return (batch, channels and channels * block**2, *(size and size // block for size in spatial))


def _rank(inputs: Inputs, attributes: Attributes) -> Shape:
    shape = known(inputs[0])
    return (len(shape[slice(attributes.get("start", 0), attributes.get("end"))]),)


def _best(inputs: Inputs, attributes: Attributes) -> Shape:
    shape = known(inputs[0])
    axis = attributes.get("axis", 0) % len(shape)
    return (*shape[:axis], *((1,) if attributes.get("keepdims", 1) else ()), *shape[axis + 1 :])


def _filled(inputs: Inputs, attributes: Attributes) -> Shape:
    wanted = integers(inputs, 0)
    return None if wanted is None else tuple(wanted)


def _of_indices(inputs: Inputs, attributes: Attributes) -> Shape:
    return known(inputs[1])


def einsum_sizes(equation: str, inputs: Inputs) -> dict[str, int | None]:
    """The size of each letter of an equation without an ellipsis.

    Raises:
        ValueError: it has one, or does not fit its operands.
    """
    sizes: dict[str, int | None] = {}
    terms = equation.replace(" ", "").split("->")[0].split(",")
    for term, tensor in zip(terms, inputs, strict=True):
        if "." in term:
            raise ValueError("an ellipsis")
        for letter, size in zip(term, known(tensor), strict=True):
            if sizes.get(letter) in (None, 1):
                sizes[letter] = size
    return sizes


def _einsum(inputs: Inputs, attributes: Attributes) -> Shape:
    equation = str(attributes["equation"]).replace(" ", "")
    sizes = einsum_sizes(equation, inputs)
    read, arrow, written = equation.partition("->")
    letters = written if arrow else sorted(letter for letter in sizes if read.count(letter) == 1)
    return tuple(sizes[letter] for letter in letters)


RULES: dict[str, Rule] = {
    **dict.fromkeys(("ArgMax", "ArgMin"), _best),
    **dict.fromkeys(("Resize", "Upsample"), _resized),
    "ConstantOfShape": _filled,
    "DepthToSpace": _depth_to_space,
    "Einsum": _einsum,
    "Expand": _expanded,
    "GatherElements": _of_indices,
    "Pad": padded,
    "Shape": _rank,
    "Size": lambda inputs, attributes: (),
    "Slice": _sliced,
    "SpaceToDepth": _space_to_depth,
    "Tile": _tiled,
}
