"""TFLite, by TensorFlow's own converter: batch 1, all shapes constant, integer inputs and outputs when int8."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from compressor import saved_model, tflite_view
from compressor.formats import Calibration, Format
from compressor.saved_model import ONE, UNROLLED
from compressor.tflite_edit import float_lstm
from compressor.tflite_edit.float_softmax import with_float_softmax
from compressor.tflite_edit.lstm_cell_scale import with_cells_that_compute
from compressor.tflite_edit.lstm_clip import without_cell_clip
from compressor.values import Array, Granularity, Precision, Source


def write(source: Source, precision: Precision, calibration: Calibration, destination: Path) -> tuple[str, ...]:
    """Convert; a model with simulated quantization keeps the ranges it learned.

    What integers spoil stays float, and the notes say so: a softmax over many classes, an LSTM that its integer kernel
    cuts off.
    """
    simulated = source.simulated if precision is Precision.INT8 else None
    if precision not in (Precision.INT8, Precision.INT16X8):
        content = without_cell_clip(_converted(source.model, ONE, precision, calibration))
        destination.write_bytes(content)
        return _left_float(content) if precision is Precision.DYNAMIC_INT8 else ()
    model = simulated or source.model
    # A loop cannot be quantized: its steps are written out.
    signature = UNROLLED if saved_model.has_unrolled(model) else ONE
    content = _converted(model, signature, precision, calibration, source.granularity)
    learned = ("activation ranges learned in training",) if simulated else ()
    unrolled = ("loops of recurrent layers are written out step by step",) if signature == UNROLLED else ()
    content, lstm_notes = _freed_lstm(content, model, signature, precision, calibration, source.granularity)
    content, softmax_notes = with_float_softmax(with_cells_that_compute(content))
    destination.write_bytes(content)
    return *learned, *unrolled, *lstm_notes, *softmax_notes


def _left_float(content: bytes) -> tuple[str, ...]:
    """TensorFlow leaves kernels of fewer than 1 024 values float, and a fused LSTM with one of them as a whole."""
    view = tflite_view.parse(content)
    # Loops keep their weights in graphs of their own.
    if view.subgraphs > 1 or any(each.type == "INT8" for operator in view.operators for each in operator.constants):
        return ()
    return ("no weight became int8: the converter leaves kernels of fewer than 1 024 values as they are",)


def _converted(
    model: Path,
    signature: str,
    precision: Precision,
    calibration: Calibration,
    granularity: Granularity = Granularity.PER_CHANNEL,
) -> bytes:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(model), signature_keys=[signature])
    _set_precision(converter, precision, calibration)
    if granularity is Granularity.PER_TENSOR:
        converter._experimental_disable_per_channel = True
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    with _fresh_state_for_each_sample():
        content: bytes = converter.convert()
    return content


def _freed_lstm(
    content: bytes,
    model: Path,
    signature: str,
    precision: Precision,
    calibration: Calibration,
    granularity: Granularity,
) -> tuple[bytes, tuple[str, ...]]:
    """Measured on the float file: it is what the integers stand for."""
    if not float_lstm.has_integer_lstm(content):
        return content, ()
    plain = without_cell_clip(_converted(model, signature, Precision.FLOAT32, calibration))

    def held(tensor: int) -> Array:
        return _held(plain, tensor, calibration)

    cut = float_lstm.cut_off(plain, held)
    if not any(cut):
        return content, ()
    # What follows such an LSTM is calibrated on what it will answer.
    with _calibrated_without_cell_clip():
        content = _converted(model, signature, precision, calibration, granularity)
    return float_lstm.with_float_lstm(content, plain, cut)


def _held(content: bytes, tensor: int, calibration: Calibration) -> Array:
    """What a tensor of a float file holds for each sample."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    run = interpreter.get_signature_runner()
    values = []
    for sample in _single_samples(calibration):
        interpreter.reset_all_variables()
        run(**sample)
        values.append(interpreter.get_tensor(tensor))
    return np.stack(values)


def _set_precision(converter: Any, precision: Precision, calibration: Calibration) -> None:
    import tensorflow as tf

    if precision is Precision.FLOAT32:
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision is Precision.FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    if precision is Precision.INT8:
        _set_integer(converter, calibration, tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.int8)
    if precision is Precision.INT16X8:
        ops = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        _set_integer(converter, calibration, ops, tf.int16)


def _set_integer(converter: Any, calibration: Calibration, ops: Any, dtype: Any) -> None:
    converter.representative_dataset = lambda: _single_samples(calibration)
    converter.target_spec.supported_ops = [ops]
    converter.inference_input_type = dtype
    converter.inference_output_type = dtype


@contextmanager
def _fresh_state_for_each_sample() -> Iterator[None]:
    """Calibrate as the file will be used: a fused LSTM starts every sample from zero.

    TensorFlow's calibrator prepares its interpreter, and so resets its variables, once for all samples: state adds up
    over all of them, and the observed ranges are not those of single samples. It looks at state before an operator
    runs, when a fresh one is all zeros: so every sample is fed twice, which changes nothing where there is no state.
    """
    from unittest import mock

    from tensorflow.lite.python.optimize.calibrator import Calibrator

    feed = Calibrator._feed_tensors

    def feed_one_by_one(calibrator: Any, samples: Any, resize_input: bool) -> None:
        for sample in samples():
            feed(calibrator, partial(iter, [sample, sample]), resize_input)

    with mock.patch.object(Calibrator, "_feed_tensors", feed_one_by_one):
        yield


@contextmanager
def _calibrated_without_cell_clip() -> Iterator[None]:
    from unittest import mock

    from tensorflow.lite.python.optimize import calibrator

    prepare = calibrator.add_intermediate_tensors
    with mock.patch.object(calibrator, "add_intermediate_tensors", lambda content: prepare(without_cell_clip(content))):
        yield


def _single_samples(calibration: Calibration) -> Iterator[dict[str, Array]]:
    count = len(next(iter(calibration.values())))
    for row in range(count):
        yield {name: array[row : row + 1] for name, array in calibration.items()}


FORMAT = Format(
    summary="TensorFlow Lite flatbuffer, batch 1",
    suffix=".tflite",
    precisions=tuple(Precision),
    write=write,
)
