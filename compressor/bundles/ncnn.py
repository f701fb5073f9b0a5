"""An NCNN model as an app takes it, and a C++ program that tests it on the phone."""

from __future__ import annotations

from collections.abc import Mapping

from compressor import cpp_self_test
from compressor.bundles import Bundle, Contents, Tolerance
from compressor.ncnn_model import container, program
from compressor.values import Artifact

# With float32 between layers, NCNN on emulated ARM and on x86-64 differed by 1.3e-7; deep networks add up.
_TOLERANCE = Tolerance(0, 1e-4)


def _files(contents: Contents) -> Mapping[str, bytes]:
    model = container.read(contents.artifact.path)
    asked = [program.as_ncnn(*pair) for pair in zip(contents.asked, model.inputs, strict=True)]
    told = [program.as_ncnn(*pair) for pair in zip(contents.told, model.outputs, strict=True)]
    tolerance = contents.tolerance.relative * max(1.0, *(float(abs(each).max(initial=0)) for each in told))
    texts = {
        "CMakeLists.txt": program.CMAKE,
        "main.cc": program.main_source(model.inputs, model.outputs),
        "self_test.cc": cpp_self_test.source(asked, told),
        "self_test.h": cpp_self_test.header(len(asked), len(told), len(asked[0]), 0, tolerance),
        container.PARAM: model.param,
    }
    return {name: text.encode() for name, text in texts.items()} | {container.BIN: model.bin}


def _readme(contents: Contents) -> tuple[str, str, str, str]:
    return (
        f"{contents.model} for {contents.target.name} with NCNN; not run on a phone, see manifest.json.",
        "1. Get ncnn-YYYYMMDD-android.zip of github.com/Tencent/ncnn/releases; build with the NDK, see CMakeLists.txt.",
        "2. `adb push build/model model.param model.bin /data/local/tmp && adb shell 'cd /data/local/tmp && ./model'` "
        "compares ten answers with those expected.",
        "3. In the app: model.param and model.bin go into the assets; main.cc shows how samples go in and out.",
    )


def _tolerance(artifact: Artifact) -> Tolerance:
    return _TOLERANCE


BUNDLE = Bundle(
    summary="an NCNN model with a C++ program that tests it on the phone",
    files=_files,
    readme=_readme,
    tolerance=_tolerance,
    arrays=False,
)
