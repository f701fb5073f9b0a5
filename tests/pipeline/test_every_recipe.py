"""Every shipped recipe on four samples' networks from the command line, with short training: `make matrix`.

What a recipe promises of sizes and weights holds however little it trains; accuracy, which does not, is left out here
and measured on trained samples.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from compressor import names, recipe
from compressor.recipe import Recipe
from compressor.report import schema

pytestmark = [pytest.mark.tensorflow, pytest.mark.matrix]
ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ("mnist_cnn", "lenet5", "ds_cnn", "resnet8")
COUNTS = {"train": 192, "calibration": 64, "evaluation": 100}
# Limits that hang on how well a network was trained.
LEARNED = {"max_accuracy_drop", "max_error_rise", "min_agreement", "min_sqnr_db", "max_abs_error"}


@pytest.fixture(scope="module", params=SAMPLES)
def subject(request, tmp_path_factory):
    """A network whose last layers have seen the data, and some of its data: paths."""
    import tf_keras

    sample = names.load_sample(request.param)
    dataset = sample.dataset()
    arrays = {}
    for part, count in COUNTS.items():
        split = getattr(dataset, part)
        (inputs,) = split.inputs.values()
        arrays |= {f"x_{part}": inputs[:count], f"y_{part}": split.labels[:count]}
    tf_keras.utils.set_random_seed(0)
    model = sample.build()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(arrays["x_train"], arrays["y_train"], epochs=3, verbose=0)
    folder = tmp_path_factory.mktemp(request.param)
    model.save(folder / f"{request.param}.h5", include_optimizer=False, save_format="h5")
    np.savez(folder / "data.npz", **arrays)
    return folder / f"{request.param}.h5", folder / "data.npz"


@pytest.mark.parametrize("name", recipe.shipped())
def test_files_keep_what_the_recipe_promises(name, subject, tmp_path):
    model, data = subject
    wanted = shortened(recipe.load(name))
    (tmp_path / "short.yaml").write_text(yaml.safe_dump(wanted))
    words = ["run", model, "--recipe", tmp_path / "short.yaml", "--data", data, "--out", tmp_path / "run"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "compressor", *map(str, words)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = schema.read(tmp_path / "run" / "report.json")
    compressed = [row for row in report.rows if row.stage == "compressed" and row.provenance == "measured"]
    assert {row.runtime for row in compressed} == {"litert", "onnxruntime"}
    assert [each["step"] for each in report.recipe.steps_done] == [next(iter(each)) for each in wanted["steps"]]


def shortened(full: Recipe) -> dict[str, object]:
    """The recipe with one epoch for each step that trains, and the limits that such a training keeps."""
    told = full.as_dict()
    for step in told["steps"]:
        for settings in step.values():
            for key, most in (("epochs", 1), ("least_steps", 0), ("rounds", 1), ("batch_size", 32)):
                if key in settings:
                    settings[key] = min(settings[key], most)
    limits = {key: value for key, value in told["limits"].items() if key not in LEARNED}
    return json.loads(json.dumps(told | {"limits": limits}))
