"""Packed files: the same bytes come back, small files get smaller than any general compressor makes them."""

from __future__ import annotations

import hashlib
import lzma
import zlib
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_tflite import File, conv

from compressor import packing
from compressor.errors import BadInput
from compressor.packing import lists, offsets, spans, tables, tflite
from compressor.packing.arithmetic import Decoder, Encoder
from compressor.packing.codebook import Channels, found, integers
from compressor.packing.integers import Integers
from compressor.packing.session import Session
from compressor.values import Array

_HEAD = len(packing.MAGIC) + 32


def network(weights: Array, kind: str = "INT8", units: int = 20, scales: Array | None = None) -> bytes:
    """A file of one dense layer with a bias, quantized by channel where there are scales."""
    file = File()
    source = file.input((1, weights.shape[1]), name="one_image:0")
    kernel = file.constant(weights, kind, name="model/dense/MatMul")
    bias = file.constant(np.arange(units) * 37, "INT32", scale=None, name="model/dense/BiasAdd")
    result = file.tensor((1, units), name="model/dense/Relu")
    file.add("FULLY_CONNECTED", [source, kernel, bias], [result], fusedActivationFunction=1)
    if scales is not None:
        by_input = np.float32(0.1) * scales
        for index, each in ((kernel, scales), (bias, by_input)):
            made = schema.QuantizationParametersT()
            made.scale, made.zeroPoint = each.astype(np.float32), np.zeros(units, np.int64)
            file._graph.tensors[index].quantization = made
    return file.content()


def clustered(channels: int = 20, inputs: int = 60) -> tuple[Array, Array]:
    """Weights of seven real values, in channels of different scales."""
    rng = np.random.default_rng(0)
    real = rng.choice(np.array([-0.9, -0.5, -0.21, 0, 0.13, 0.4, 0.8]), (channels, inputs))
    scales = rng.uniform(0.0075, 0.01, channels).astype(np.float32)
    return np.clip(np.rint(real / scales[:, None]), -127, 127).astype(np.int8), scales


@given(st.binary(max_size=3000))
def test_bytes_of_any_kind_come_back(content: bytes) -> None:
    assert packing.unpack(packing.pack(content)) == content


@pytest.mark.parametrize("content", [b"", b"\0" * 3_000_000, b"xxxxTFL3" + b"\xff" * 100, bytes(range(256)) * 50])
def test_odd_files_come_back(content: bytes) -> None:
    packed = packing.pack(content)
    assert packing.unpack(packed) == content
    assert len(packed) <= len(content) + _HEAD + 12


_KINDS = ("INT8", "UINT8", "INT16", "INT32", "INT64", "FLOAT32")


@settings(deadline=None, max_examples=12)
@given(
    st.sampled_from(_KINDS),
    st.integers(1, 12),
    st.integers(1, 40),
    st.sampled_from(["any", "few", "sparse"]),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_every_tflite_file_comes_back(kind: str, units: int, size: int, filled: str, scaled: bool, draw: Any) -> None:
    rng = np.random.default_rng(draw.randrange(1 << 30))
    dtype = np.dtype(kind.lower())
    raw = rng.integers(0, 256, units * size * dtype.itemsize, np.uint8).view(dtype).reshape(units, size)
    if filled == "few":
        raw = raw.ravel()[rng.integers(0, min(3, raw.size), raw.shape)]
    elif filled == "sparse":
        raw = np.where(rng.random(raw.shape) < 0.1, raw, np.zeros((), dtype))
    scales = rng.uniform(1e-4, 1, units) if scaled else None
    content = network(raw, kind, units, scales)
    assert tflite.unpacked(tflite.packed(content), len(content)) == content


def test_a_sparse_file_is_smaller_than_general_compressors_make_it() -> None:
    rng = np.random.default_rng(1)
    weights = np.where(rng.random((20, 300)) < 0.1, rng.integers(-100, 100, (20, 300)), 0)
    content = network(weights, scales=rng.uniform(0.001, 0.002, 20))
    others = min(len(zlib.compress(content, 9)), len(lzma.compress(content, preset=9)))
    assert len(packing.pack(content)) < 0.8 * others


def test_a_clustered_layer_costs_its_clusters_whatever_the_scales_are() -> None:
    weights, scales = clustered()
    packed = len(tflite.packed(network(weights, scales=scales)))
    alike = len(tflite.packed(network(weights * 0, scales=scales)))
    # Seven values: 2.8 bits each, and the seven; the integers have 4.6 bits and more.
    assert packed - alike < 3.5 * weights.size / 8
    told = found(weights.ravel(), Channels(np.repeat(np.arange(20), 60), scales))
    assert told is not None
    numbers, index = told
    assert len(numbers) == 7
    assert np.array_equal(
        integers(numbers, index, Channels(np.repeat(np.arange(20), 60), scales), weights.dtype), weights.ravel()
    )


def test_scales_of_a_bias_cost_nothing() -> None:
    scales = np.random.default_rng(2).uniform(0.001, 0.002, 20).astype(np.float32)
    content = network(np.zeros((20, 30)), scales=scales)
    (of,) = [span.of for span in spans.found(content).values() if span.of is not None]
    assert np.array_equal(np.frombuffer(content, "<f4", 20, of), scales)
    # The product, exact; and the same with scales that no product explains.
    other = network(np.zeros((20, 30)), scales=scales).replace(
        (np.float32(0.1) * scales).tobytes(), np.random.default_rng(3).uniform(0.5, 1, 20).astype(np.float32).tobytes()
    )
    assert other != content
    assert len(tflite.packed(other)) - len(tflite.packed(content)) > 40


def test_long_lists_are_coded_by_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    weights = np.clip(rng.normal(0, 30, (20, 3000)), -127, 127).astype(np.int8)
    content = network(weights)
    packed = packing.pack(content)
    assert packing.unpack(packed) == content
    counts = np.unique(weights, return_counts=True)[1]
    entropy = float(counts @ np.log2(weights.size / counts)) / 8
    assert entropy < len(packed) < entropy + 900
    # The same numbers bit by bit, when there is time for it.
    monkeypatch.setattr(lists, "_MOST_BITS", 1 << 40)
    assert tflite.unpacked(tflite.packed(network(weights[:, :100])), len(network(weights[:, :100])))


@given(st.lists(st.integers(0, 255), min_size=1, max_size=400), st.integers(1, 3))
def test_tables_bring_back_every_list(values: list[int], repeated: int) -> None:
    given_ = np.array(values * repeated, np.uint8)
    writing = Session(None, 10_000)
    tables.coded(writing, given_, len(given_))
    reading = Session(writing.finished(), 10_000)
    assert np.array_equal(tables.coded(reading, None, len(given_)), given_)


@given(st.lists(st.tuples(st.integers(-(1 << 63), 1 << 63), st.integers(0, 3)), max_size=60))
def test_whole_numbers_of_any_size_come_back(values: list[tuple[int, int]]) -> None:
    encoder, model = Encoder(), Integers(2)
    for value, around in values:
        model.code(encoder, value, (0, 1 + around))
    decoder, model = Decoder(encoder.finish()), Integers(2)
    assert [model.code(decoder, 0, (0, 1 + around)) for _, around in values] == [value for value, _ in values]


@given(st.lists(st.tuples(st.booleans(), st.integers(24, 65512)), max_size=300))
def test_bits_come_back_under_any_probabilities(bits: list[tuple[bool, int]]) -> None:
    encoder = Encoder()
    for bit, probability in bits:
        encoder.code(int(bit), probability)
    decoder = Decoder(encoder.finish())
    assert [decoder.code(0, probability) for _, probability in bits] == [int(bit) for bit, _ in bits]


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), max_size=5), st.binary(max_size=200), st.integers(0, 60)
)
def test_every_word_is_exchanged_for_one_that_comes_back(
    parts: list[tuple[int, int]], filling: bytes, more: int
) -> None:
    stretches, place = [], 0
    for gap, length in parts:
        stretches.append((place + 4 * gap, place + 4 * gap + 4 * length))
        place = stretches[-1][1]
    size = place + more
    left = size - sum(end - start for start, end in stretches)
    words = (filling + bytes(range(left)))[:left] if left < 256 else (filling * left + bytes(left))[:left]
    small = np.frombuffer(words[: left // 4 * 4], "<i4") % max(size, 1)
    cut = offsets.Cut(stretches, size)
    for structure in (words, small.astype("<i4").tobytes() + words[left // 4 * 4 :]):
        assert cut.farther(cut.nearer(structure)) == structure


def test_offsets_do_not_know_how_long_lists_are() -> None:
    structures = []
    for columns in (100, 400):
        content = network(np.zeros((20, columns)))
        cut = [span for span in spans.found(content).values() if tflite._plain(span, content)]
        structures.append(tflite.structure(content, cut))
    differing = sum(one != other for one, other in zip(*structures, strict=True))
    # Shapes tell the sizes.
    assert differing <= 8


def test_the_same_file_packs_to_the_same_bytes_as_ever() -> None:
    """The format is a promise: files that were packed have to be read by later versions."""
    weights, scales = clustered(6, 10)
    content = network(weights, units=6, scales=scales)
    packed = packing.pack(content)
    assert packed[:_HEAD] == packing.MAGIC + hashlib.sha256(content).digest()
    assert (len(packed), hashlib.sha256(packed).hexdigest()[:16]) == (288, "c61ebcbc35add991")


def _told(content: bytes) -> str:
    with pytest.raises(BadInput) as caught:
        packing.unpack(content, "m.cpk")
    return str(caught.value)


def test_what_is_no_packed_file_is_told() -> None:
    packed = packing.pack(b"something to pack" * 9)
    assert "m.cpk is no packed file" in _told(b"")
    assert "m.cpk is no packed file" in _told(b"PK\3\4 something else")
    assert "use the version of compressor that packed it" in _told(b"CPK\2" + packed[4:])
    assert "damaged" in _told(packed[:20])
    assert "damaged" in _told(packed[:-1])
    assert "longer or shorter than it says" in _told(packed + b"x")
    assert "SHA-256 differs" in _told(packed[:4] + bytes(32) + packed[36:])


@pytest.mark.parametrize("size", [b"\xff\xff\xff\xff\xff\x7f", b"\xff\xff\xff\x7f"])
def test_no_packed_file_stands_for_more_than_its_size_allows(size: bytes) -> None:
    for how in range(3):
        assert "bytes, more than" in _told(packing.MAGIC + bytes(32) + size + bytes((how, 1, 0)))


def test_a_damaged_packed_file_ends_in_a_sentence() -> None:
    weights, scales = clustered(12, 30)
    rng = np.random.default_rng(5)
    for content in (network(weights, units=12, scales=scales), network(rng.normal(size=(20, 900)), "FLOAT32")):
        packed = packing.pack(content)
        for _ in range(6):
            spoiled = bytearray(packed)
            for place in rng.integers(_HEAD, len(packed), rng.integers(1, 4)):
                spoiled[place] ^= 1 << int(rng.integers(0, 8))
            if bytes(spoiled) != packed:
                assert "damaged" in _told(bytes(spoiled))


def test_damage_inside_is_found_without_the_hash() -> None:
    """Whoever wishes harm writes the hash that fits: nothing but sentences may come of what is in the file."""
    weights, scales = clustered(12, 30)
    content = network(weights, units=12, scales=scales)
    inner = tflite.packed(content)
    rng = np.random.default_rng(6)
    for _ in range(25):
        spoiled = bytearray(inner)
        for place in rng.integers(0, len(inner), rng.integers(1, 5)):
            spoiled[place] = int(rng.integers(0, 256))
        with np.errstate(all="raise"):
            try:
                made = tflite.unpacked(bytes(spoiled), len(content))
            except spans.UNREADABLE:
                continue
        assert len(made) == len(content)


def test_a_convolution_is_seen_with_its_rows_and_channels() -> None:
    file = File()
    conv(file, file.input((1, 8, 8, 4)), (1, 8, 8, 6))
    content = file.content()
    (span,) = [each for each in spans.found(content).values() if each.kind == spans.NUMBERS]
    assert (span.count, span.dtype, span.row, span.step) == (6 * 9 * 4, "int8", 36, 4)
    assert content[span.start : span.end] == b"\1" * 216
