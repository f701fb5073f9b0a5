"""The command line as a user meets it: a process with an exit code, two streams and no traceback."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import compressor

Cli = Callable[..., subprocess.CompletedProcess[str]]


def test_the_trap_catches_tensorflow(tmp_path: Path, trap: Path, cli: Cli) -> None:
    done = cli("run", "digits_cnn", "--recipe", "float32", "--target", "raspberry_pi", cwd=tmp_path, path=trap)
    assert done.returncode != 0
    assert "tensorflow" in (trap / "imported").read_text()


WITHOUT_TENSORFLOW = {
    "help": (["--help"], "Usage: "),
    "list": (["list"], "digits_cnn"),
    "check": (["check", "--recipe", "qat_int8", "--target", "host", "--target", "coral"], "tflite int8 (compressed)"),
    "gate": (["gate", "{golden}/passed.json"], "passed"),
    "measure": (["measure", "m.onnx", "--data", "data.npz"], "accuracy"),
}


@pytest.mark.parametrize("verb", WITHOUT_TENSORFLOW)
def test_a_verb_works_without_tensorflow(verb: str, work: Path, trap: Path, golden: Path, cli: Cli) -> None:
    words, told = WITHOUT_TENSORFLOW[verb]
    done = cli(*(word.format(golden=golden) for word in words), cwd=work, path=trap)
    assert (done.returncode, told in done.stdout) == (0, True), done.stderr
    assert not (trap / "imported").exists()


MISTAKES: dict[str, tuple[list[str], str]] = {
    "model": (["run", "digit_cnn"], "no sample model is called 'digit_cnn'; did you mean 'digits_cnn'?"),
    "data to train on": (["run", "digits_cnn", "--recipe", "qat_int8", "--data", "data.npz"], "nothing to train on"),
    "data": (["run", "digits_cnn", "--data", "absent.npz"], "there is no data file absent.npz"),
    "recipe": (["check", "--recipe", "int9"], "no recipe is called 'int9'; did you mean 'int"),
    "target": (["check", "--recipe", "int8", "--target", "corel"], "did you mean 'coral'?"),
    "artifact": (["measure", "absent.onnx", "--data", "data.npz"], "there is no artifact absent.onnx"),
    "broken artifact": (["measure", "broken.onnx", "--data", "data.npz"], "ONNX Runtime cannot run"),
    "runtime": (["measure", "m.onnx", "--data", "data.npz", "--runtime", "onnxruntim"], "did you mean 'onnxruntime'?"),
    "limit": (["gate", "{golden}/passed.json", "--min-agreement", "1.5"], "min_agreement: must be less than or equal"),
    "file of limits": (["gate", "{golden}/passed.json", "--limits", "absent.yaml"], "cannot read the limits file"),
    "treatment": (["gate", "{golden}/passed.json", "--undecided", "maybe"], "'maybe' is not one of 'fail', 'pass'"),
    "word for a limit": (["gate", "{golden}/passed.json", "--max-size-ratio", "x"], "not a valid float"),
    "report": (["gate", "absent"], "cannot read the report absent"),
    "code that is not trusted": (["measure", "m.onnx", "--data", "mine:data"], "add --trust"),
    "kind of data": (["measure", "m.onnx", "--data", "data.parquet"], "is no kind of data"),
    "setting": (["measure", "m.onnx", "--data", "data.npz", "--preprocess", "dived=2"], "did you mean 'divide'?"),
    "metric": (["measure", "m.onnx", "--data", "data.npz", "--metric", "acuracy"], "did you mean 'accuracy'?"),
    "verb": (["rum"], "No such command 'rum'"),
    "nothing": (["check"], "Missing option '--recipe'"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_on_stderr_with_exit_code_2(
    case: str, work: Path, golden: Path, cli: Cli, called: Cli
) -> None:
    words, told = MISTAKES[case]
    before = sorted(work.iterdir())
    start = cli if words[0] == "measure" else called
    done = start(*(word.format(golden=golden) for word in words), cwd=work)
    assert told in done.stderr
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (2, "", False)
    assert sorted(work.iterdir()) == before


def test_a_traceback_is_shown_on_request_only(tmp_path: Path, cli: Cli) -> None:
    assert "Traceback" in cli("check", "--recipe", "int9", "--debug", cwd=tmp_path).stderr


def test_the_version_is_told(tmp_path: Path, cli: Cli) -> None:
    done = cli("--version", cwd=tmp_path)
    assert (done.returncode, compressor.__version__ in done.stdout) == (0, True), done.stderr


def test_help_names_every_verb(tmp_path: Path, cli: Cli) -> None:
    told = cli("--help", cwd=tmp_path).stdout
    found = re.findall(r"^  (\w+) ", told.split("Commands:")[1], re.MULTILINE)
    assert found == [
        *("check", "compare", "diagnose", "doctor", "emulator", "gate", "inspect", "list", "measure", "pack", "report"),
        *("run", "train", "unpack"),
    ]


def test_check_tells_files_and_rows_as_json_and_nothing_else(tmp_path: Path, called: Cli) -> None:
    done = called("check", "--recipe", "int8", "--target", "coral", "--json", cwd=tmp_path)
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr, told["passed"]) == (0, "", True)
    assert told["files"][1] == {"stage": "compressed", "format": "tflite", "precision": "int8"}
    assert told["rows"][1] == {"target": "coral", "format": "tflite", "runtime": "litert_reference"}
    assert told["recipe"]["precision"] == "int8"


def test_check_tells_mistakes_as_json_too(tmp_path: Path, called: Cli) -> None:
    (tmp_path / "my.yaml").write_text("summary: s\nsteps: [prun]\nprecision: int7\n")
    done = called("check", "--recipe", "my.yaml", "--json", cwd=tmp_path)
    assert done.returncode == 2
    told = json.loads(done.stdout)
    assert told["passed"] is False
    assert told["mistakes"][-1] == "steps.0: no step is called 'prun'; did you mean 'prune'?"
    assert len(told["mistakes"]) == 2


def test_list_tells_one_kind_as_json(tmp_path: Path, called: Cli) -> None:
    told = json.loads(called("list", "targets", "--json", cwd=tmp_path).stdout)
    assert {"android_ncnn", "coral", "coral-micro", "gpu_server", "host", "jetson", "raspberry_pi"} <= set(
        told["targets"]
    )
    assert all(summary for summary in told["targets"].values())
    assert told["families"]["raspberry_pi"] == ["raspberry_pi4", "raspberry_pi5"]
    assert told["facts"]["coral-micro"]["parameter_cache_bytes"] == told["facts"]["coral"]["parameter_cache_bytes"]
    assert told["facts"]["coral-micro"]["ram_bytes"]["value"] == 64 << 20


def test_list_targets_shows_variants_below_their_family_with_what_differs(tmp_path: Path, called: Cli) -> None:
    lines = called("list", "targets", cwd=tmp_path).stdout.splitlines()
    places = {line.split()[0].rstrip(":"): place for place, line in reversed(list(enumerate(lines)))}
    assert [line.split()[0] for line in lines].count("parameter_cache_bytes:") == 1
    assert places["coral"] < places["parameter_cache_bytes"] < places["coral-micro"] < places["gpu_server"]
    assert "8388608 (https://" in lines[places["parameter_cache_bytes"]]


def test_check_takes_a_variant_and_suggests_one(tmp_path: Path, called: Cli) -> None:
    told = json.loads(called("check", "--recipe", "int8", "--target", "coral-micro", "--json", cwd=tmp_path).stdout)
    assert {row["target"] for row in told["rows"]} == {"coral-micro"}
    refused = called("check", "--recipe", "int8", "--target", "jetson_orin_nanno", cwd=tmp_path)
    assert refused.returncode == 2
    assert "did you mean 'jetson_orin_nano'?" in refused.stderr
    float_on_it = called("check", "--recipe", "float16", "--target", "coral-micro", cwd=tmp_path)
    assert float_on_it.returncode == 2
    assert "target coral-micro does not take float16: the Edge TPU computes in int8" in float_on_it.stderr


def test_the_gate_ends_with_the_verdict(golden: Path, tmp_path: Path, called: Cli) -> None:
    report = golden / "passed.json"
    assert called("gate", report, "--max-accuracy-drop", "0.5", cwd=tmp_path).returncode == 0
    broken = called("gate", report, "--max-accuracy-drop", "0.49", "--json", cwd=tmp_path)
    told = json.loads(broken.stdout)
    assert (broken.returncode, broken.stderr) == (1, "")
    assert told["limits"] == {"max_accuracy_drop": 0.49}
    assert [each["limit"] for each in told["verdict"]["violations"]] == ["max_accuracy_drop"]


LIMITS = """
max_accuracy_drop: 0.4
targets:
  host: {max_bytes: 1000000}
"""


def test_a_file_of_limits_goes_before_the_recipe_and_an_option_before_the_file(
    golden: Path, tmp_path: Path, called: Cli
) -> None:
    (tmp_path / "limits.yaml").write_text(LIMITS)
    words = ("gate", golden / "passed.json", "--limits", "limits.yaml", "--json")
    broken = called(*words, cwd=tmp_path)
    assert (broken.returncode, json.loads(broken.stdout)["limits"]["targets"]) == (1, {"host": {"max_bytes": 1000000}})
    done = called(*words, "--max-accuracy-drop", "0.5", cwd=tmp_path)
    told = json.loads(done.stdout)
    assert (done.returncode, told["limits"]["max_accuracy_drop"]) == (0, 0.5)
    assert {each["limit"] for each in told["verdict"]["judgements"]} == {"max_accuracy_drop", "max_bytes"}


def test_all_mistakes_in_a_file_of_limits_are_told_at_once(golden: Path, tmp_path: Path, called: Cli) -> None:
    content = "max_acuracy_drop: 1\nmin_agreement: 2\ntargets:\n  corel: {max_size: 1}\n"
    (tmp_path / "limits.yaml").write_text(content)
    done = called("gate", golden / "passed.json", "--limits", "limits.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == "error: the limits in limits.yaml have 4 mistakes:"
    for told in (
        "max_acuracy_drop: is not known here; did you mean 'max_accuracy_drop'?",
        "min_agreement: must be less than or equal to 1 (received 2)",
        "targets.corel: no target is called 'corel'; did you mean 'coral'?",
        "targets.corel.max_size: is not known here; did you mean 'max_size_ratio'?",
    ):
        assert f"\n  {told}\n" in done.stderr + "\n"


def test_doubt_fails_the_gate_on_request(golden: Path, tmp_path: Path, called: Cli) -> None:
    words = ("gate", golden / "not_passed.json", "--max-accuracy-drop", "2")
    doubted = called(*words, cwd=tmp_path)
    assert "expected at most 2 points, received 1.6 (95 %: 0.4592 to 3.21): undecided, about" in doubted.stdout
    strict = json.loads(called(*words, "--undecided", "fail", "--json", cwd=tmp_path).stdout)["verdict"]
    limits = [each["limit"] for each in strict["violations"]]
    assert (strict["undecided"], limits) == ("fail", ["finished", "max_accuracy_drop"])


VALUES = np.random.default_rng(0).normal(size=(700, 3)).astype(np.float32)


@pytest.fixture
def work(tmp_path: Path, onnx_file: Callable[..., Path]) -> Path:
    """A folder with an identity network, 700 samples (700 of them right but 70), and files that are none."""
    onnx_file()
    labels = VALUES.argmax(1)
    labels[::10] = (labels[::10] + 1) % 3
    np.savez(tmp_path / "data.npz", x_calibration=VALUES, x_evaluation=VALUES, y_evaluation=labels)
    (tmp_path / "broken.onnx").write_bytes(b"no graph")
    return tmp_path


def test_measure_tells_its_numbers_as_json_and_leaves_the_outputs(work: Path, cli: Cli) -> None:
    done = cli("measure", "m.onnx", "--data", "data.npz", "--outputs", "out/y.npz", "--json", cwd=work)
    told = json.loads(done.stdout)
    assert (done.returncode, told["provenance"], told["runtime"]) == (0, "measured", "onnxruntime")
    assert (told["samples"], told["metric"]) == (700, {"name": "accuracy", "value": 0.9})
    timed = told["latency_ms"]
    assert 0 < timed["p50"] <= timed["p90"] <= timed["p99"]
    assert (timed["threads"], timed["runs"] >= 30, told["peak_rss_bytes"] > 10**7) == (1, True, True)
    (given,) = told["inputs"]
    assert (given["name"], given["shape"], given["dtype"]) == ("x", [None, 3], "float32")
    with np.load(work / "out" / "y.npz") as outputs:
        assert np.array_equal(outputs["y"], VALUES)


def test_answers_that_are_no_numbers_are_a_failure_and_no_json(work: Path, onnx_file: Any, cli: Cli) -> None:
    onnx_file("(float[N,3] x) => (float[N,3] y) { y = Log (x) }")
    done = cli("measure", "m.onnx", "--data", "data.npz", "--json", cwd=work)
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (1, "", False)
    assert "answers NaN or infinity in 'y'" in done.stderr


BLOCK_ONNXRUNTIME = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            raise ModuleNotFoundError("No module named 'onnxruntime'", name=name)
sys.meta_path.insert(0, Block())
"""


def test_a_missing_runtime_ends_with_3_and_the_way_to_get_it(work: Path, cli: Cli) -> None:
    (work / "without").mkdir()
    (work / "without" / "sitecustomize.py").write_text(BLOCK_ONNXRUNTIME)
    done = cli("measure", "m.onnx", "--data", "data.npz", "--json", cwd=work, path=work / "without")
    assert (done.returncode, done.stdout) == (3, "")
    assert "the runtime onnxruntime is not installed here" in done.stderr
    assert "what to do: pip install onnxruntime" in done.stderr


def test_a_place_that_cannot_be_written_is_told_by_its_name(work: Path, cli: Cli) -> None:
    done = cli("measure", "m.onnx", "--data", "data.npz", "--outputs", "m.onnx/y.npz", cwd=work)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert re.search(r"error: (File exists|Not a directory): .*m\.onnx", done.stderr)


def test_measure_tells_people_the_same(work: Path, cli: Cli) -> None:
    done = cli("measure", "m.onnx", "--data", "data.npz", cwd=work)
    assert "accuracy    0.9000 on 700 samples" in done.stdout
    assert re.search(r"latency +p50 \d+\.\d{4} ms", done.stdout)
    assert "1 thread\n" in done.stdout


def test_a_reader_that_goes_away_is_no_failure(root: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "compressor", "list"]
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def waiting(root: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A `check` that waits for its recipe: the file is a pipe into which nobody writes."""
    os.mkfifo(tmp_path / "slow.yaml")
    command = [sys.executable, "-m", "compressor", "check", "--recipe", str(tmp_path / "slow.yaml")]
    environment = os.environ | {"PYTHONPATH": str(root)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as process:
        while process.poll() is None:
            try:
                pipe = os.open(tmp_path / "slow.yaml", os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError:
                time.sleep(0.02)
        yield process
        process.kill()
    os.close(pipe)


@pytest.mark.parametrize(
    ("number", "code", "told"),
    [(signal.SIGINT, 130, "interrupted; nothing was left behind\n"), (signal.SIGTERM, 143, "terminated; nothing")],
)
def test_a_signal_ends_it_with_one_line(waiting: Any, number: signal.Signals, code: int, told: str) -> None:
    waiting.send_signal(number)
    _, words = waiting.communicate(timeout=30)
    assert waiting.returncode == code
    assert words.strip().startswith(told.strip())
    assert len(words.strip().splitlines()) == 1


def test_measure_takes_data_of_any_kind_and_prepares_it(work: Path, cli: Cli) -> None:
    labels = VALUES.argmax(1)
    np.savez(work / "plain.npz", x=VALUES * 10 + 3, y=labels)
    (work / "mine.py").write_text("import numpy as np\ndef data():\n    return dict(np.load('plain.npz'))\n")
    (work / "data.yaml").write_text("source: plain.npz\nsubtract: 3\n")
    prepared = ("--preprocess", "divide=10", "--outputs", "y.npz", "--json")
    for source in (
        ("plain.npz", "--preprocess", "subtract=3"),
        ("mine:data", "--preprocess", "subtract=3", "--trust"),
        ("data.yaml",),
    ):
        done = cli("measure", "m.onnx", "--data", *source, *prepared, cwd=work)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["samples"], told["metric"]) == (700, {"name": "accuracy", "value": 1.0})
        with np.load(work / "y.npz") as outputs:
            assert np.allclose(outputs["y"], VALUES, atol=1e-5)


def test_measure_takes_a_metric_by_name(work: Path, cli: Cli) -> None:
    np.savez(work / "plain.npz", x=VALUES, y=VALUES + 2)
    done = cli("measure", "m.onnx", "--data", "plain.npz", "--metric", "mean_squared_error", "--json", cwd=work)
    assert json.loads(done.stdout)["metric"] == {"name": "mean_squared_error", "value": pytest.approx(4, rel=1e-5)}


def test_measure_prepares_nothing_that_takes_whole_numbers(work: Path, onnx_file: Any, cli: Cli) -> None:
    onnx_file("(int64[N,3] x) => (int64[N,3] y) { y = Identity (x) }")
    done = cli("measure", "m.onnx", "--data", "data.npz", "--preprocess", "divide=2", cwd=work)
    assert (done.returncode, "for inputs of real numbers" in done.stderr) == (2, True)
