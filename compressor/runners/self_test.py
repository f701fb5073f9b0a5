"""What every runner does besides running: the self-test, or samples of your own. Needs Python 3.9 and numpy."""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


def main(description, open_model, options=()):
    """Run the self-test, or the samples that the command line names.

    Args:
        open_model: (options, manifest) → function of one sample, a list of arrays in the manifest's order of inputs,
            to a list in its order of outputs.
        options: (name, settings) of further options.

    Returns:
        0: all answers are as expected; 1: some are not; 2: bad input; 3: the runtime or the device is missing.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--samples", help="an .npz with an array per input; without it, the self-test is run")
    parser.add_argument("--answers", help="the .npz to write their answers to")
    parser.add_argument("--threads", type=int, default=1)
    for name, settings in options:
        parser.add_argument(name, **settings)
    asked = parser.parse_args()
    if bool(asked.samples) != bool(asked.answers):
        parser.error("--samples and --answers go together")
    manifest = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
    run = open_model(asked, manifest)
    return own_samples(run, asked, manifest) if asked.samples else self_test(run, manifest)


def missing(what):
    """End with the exit code for a runtime or a device that is not there."""
    print(what, file=sys.stderr)
    raise SystemExit(3)


def self_test(run, manifest):
    """Compare the answers to ten samples with those expected."""
    with np.load(HERE / "self_test.npz", allow_pickle=False) as arrays:
        inputs = [arrays["input." + each["name"]] for each in manifest["inputs"]]
        expected = [arrays["output." + each["name"]] for each in manifest["outputs"]]
    found = run_all(run, inputs)
    differing = sum(differing_values(*pair, manifest["self_test"]) for pair in zip(found, expected))
    print(f"self-test: {differing} values differ over {len(inputs[0])} samples")
    return 1 if differing else 0


def own_samples(run, asked, manifest):
    """Answers to the samples of a file, as real numbers."""
    try:
        with np.load(asked.samples, allow_pickle=False) as arrays:
            inputs = [stored(arrays[each["name"]], each) for each in manifest["inputs"]]
    except (OSError, KeyError, ValueError) as error:
        names = ", ".join(each["name"] for each in manifest["inputs"])
        print(f"{asked.samples} is no .npz with {names}: {error}", file=sys.stderr)
        return 2
    found = run_all(run, inputs)
    ends = manifest["outputs"]
    np.savez(asked.answers, **{end["name"]: real(values, end) for end, values in zip(ends, found)})
    return 0


def run_all(run, inputs):
    """Outputs, each over all samples."""
    answers = [run([values[at : at + 1] for values in inputs]) for at in range(len(inputs[0]))]
    return [np.concatenate(values) for values in zip(*answers)]


def differing_values(found, expected, tolerance):
    """How many values are further from those expected than the manifest allows."""
    if found.shape != expected.shape:
        return expected.size
    apart = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    allowed = tolerance["integer_tolerance"]
    if expected.dtype.kind == "f":
        allowed = tolerance["float_tolerance"] * max(1.0, float(np.abs(expected).max(initial=0)))
    # Written so that NaN differs.
    return int(np.count_nonzero(~(apart <= allowed)))


def stored(values, end):
    """Real numbers as the file holds them."""
    kind = np.dtype(end["dtype"])
    if "scale" not in end:
        return np.ascontiguousarray(values, kind)
    limits = np.iinfo(kind)
    steps = np.round(np.asarray(values, np.float64) / end["scale"]) + end["zero_point"]
    return np.clip(steps, limits.min, limits.max).astype(kind)


def real(values, end):
    """What the file holds as real numbers."""
    if "scale" not in end:
        return values
    return ((values.astype(np.float64) - end["zero_point"]) * end["scale"]).astype(np.float32)
