"""Runs the model with ONNX Runtime. Needs numpy and onnxruntime."""

import sys

from self_test import HERE, main, missing


def open_model(options, manifest):
    """A function of one sample."""
    try:
        import onnxruntime
    except ImportError:
        missing("ONNX Runtime is not installed here: pip install onnxruntime numpy")
    if options.provider not in onnxruntime.get_available_providers():
        missing(f"ONNX Runtime has no {options.provider} here: {', '.join(onnxruntime.get_available_providers())}")
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(str(HERE / manifest["file"]), settings, providers=[options.provider])
    names = [each["name"] for each in manifest["inputs"]]
    wanted = [each["name"] for each in manifest["outputs"]]

    def run(sample):
        return session.run(wanted, dict(zip(names, sample)))

    return run


OPTIONS = (("--provider", {"default": "CPUExecutionProvider", "help": "such as CUDAExecutionProvider"}),)

if __name__ == "__main__":
    sys.exit(main(__doc__, open_model, OPTIONS))
