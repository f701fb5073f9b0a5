"""The same work by the libraries' own calls: convert one model four ways, run every file, time it.

Usage: python benchmarks/raw_calls.py MODEL.h5 DATA.npz FOLDER
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

WARM_UP_S, TIMED_S = 0.3, 1.5


def main(model_file: Path, data_file: Path, folder: Path) -> None:
    """Write float32 and int8 TFLite and ONNX to `folder`, then print accuracy and median latency of each."""
    import tensorflow as tf
    import tf2onnx
    import tf_keras
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    model = tf_keras.models.load_model(model_file, compile=False)
    with np.load(data_file) as data:
        calibration, images, labels = data["x_calibration"], data["x_evaluation"], data["y_evaluation"]
    model.predict(images, verbose=0)

    (folder / "float32.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample[None]] for sample in calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    (folder / "int8.tflite").write_bytes(converter.convert())

    spec = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="image")]
    tf2onnx.convert.from_function(
        tf.function(model), input_signature=spec, opset=17, output_path=str(folder / "float32.onnx")
    )
    quant_pre_process(str(folder / "float32.onnx"), str(folder / "prepared.onnx"), skip_symbolic_shape=True)
    quantize_static(
        str(folder / "prepared.onnx"),
        str(folder / "int8.onnx"),
        _Reader(calibration),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
    )
    for name in ("float32.tflite", "int8.tflite"):
        _report(name, *_tflite(folder / name), images, labels)
    for name in ("float32.onnx", "int8.onnx"):
        _report(name, *_onnx(folder / name), images, labels)


class _Reader:
    def __init__(self, samples):
        self._samples = iter(samples)

    def get_next(self):
        sample = next(self._samples, None)
        return None if sample is None else {"image": sample[None]}


def _tflite(path):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    given, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero = given["quantization"]

    def predict(sample):
        if scale:
            sample = np.clip(np.round(sample / scale + zero), -128, 127).astype(np.int8)
        interpreter.set_tensor(given["index"], sample)
        interpreter.invoke()
        return interpreter.get_tensor(answer["index"])

    return predict, interpreter.invoke


def _onnx(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options)
    name = session.get_inputs()[0].name
    last = {}

    def predict(sample):
        last[name] = sample
        return session.run(None, last)[0]

    return predict, lambda: session.run(None, last)


def _report(name, predict, invoke, images, labels):
    answers = [int(predict(image[None]).argmax()) for image in images]
    for seconds in (WARM_UP_S, TIMED_S):
        times, started = [], time.perf_counter()
        while time.perf_counter() - started < seconds and len(times) < 2000:
            before = time.perf_counter()
            invoke()
            times.append(time.perf_counter() - before)
    print(f"{name}: accuracy {np.mean(answers == labels):.4f}, p50 {np.median(times) * 1e3:.4f} ms")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
