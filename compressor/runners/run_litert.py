"""Runs the model with LiteRT, on the CPU or through a delegate. Needs numpy and ai-edge-litert."""

import sys

from self_test import HERE, main, missing


def open_model(options, manifest):
    """A function of one sample; every one starts from a fresh state."""
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType, load_delegate
    except ImportError:
        missing("LiteRT is not installed here: pip install ai-edge-litert numpy")
    on_cpu = options.cpu or options.reference
    file = HERE / manifest["file"] if on_cpu else HERE / manifest.get("compiled", manifest["file"])
    if not file.exists():
        missing(f"{file.name} is not here: run `sh compile.sh` first, or --cpu")
    library = None if on_cpu else options.delegate or manifest.get("delegate")
    try:
        delegates = [load_delegate(library)] if library else []
    except (OSError, ValueError) as error:
        missing(f"cannot load {library}: {error}")
    kernels = OpResolverType.BUILTIN_REF if options.reference else OpResolverType.AUTO
    interpreter = Interpreter(
        model_path=str(file),
        num_threads=options.threads,
        experimental_delegates=delegates,
        experimental_op_resolver_type=kernels,
    )
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()

    def run(sample):
        interpreter.reset_all_variables()
        for detail, values in zip(inputs, sample):
            interpreter.set_tensor(detail["index"], values)
        interpreter.invoke()
        return [interpreter.get_tensor(detail["index"]) for detail in outputs]

    return run


OPTIONS = (
    ("--delegate", {"help": "a library that takes over operators, such as libedgetpu.so.1"}),
    ("--cpu", {"action": "store_true", "help": "without any delegate"}),
    ("--reference", {"action": "store_true", "help": "with the reference kernels, on the CPU: exact and slow"}),
)

if __name__ == "__main__":
    sys.exit(main(__doc__, open_model, OPTIONS))
