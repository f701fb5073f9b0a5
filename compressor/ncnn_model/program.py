"""A C++ program around an NCNN model: it compares its answers with those expected. And how CMake builds it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compressor.ncnn_model.container import End
from compressor.values import Array

_MAIN = """\
// Runs model.param and model.bin with NCNN, and compares its answers with those in self_test.cc.
#include <cmath>
#include <cstdio>
#include <cstring>

#include <ncnn/net.h>

#include "self_test.h"

namespace {

// Sizes as NCNN has them, the outermost first.
struct End {
  const char* blob;
  int rank;
  int size[4];
};

const End kInputEnds[] = {@INPUTS@};
const End kOutputEnds[] = {@OUTPUTS@};

int Count(const End& end) {
  int count = 1;
  for (int at = 0; at < end.rank; ++at) count *= end.size[at];
  return count;
}

ncnn::Mat Filled(const End& end, const unsigned char* sample) {
  const int* size = end.size;
  ncnn::Mat mat;
  if (end.rank == 1) mat.create(size[0], static_cast<size_t>(4));
  if (end.rank == 2) mat.create(size[1], size[0], static_cast<size_t>(4));
  if (end.rank == 3) mat.create(size[2], size[1], size[0], static_cast<size_t>(4));
  if (end.rank == 4) mat.create(size[3], size[2], size[1], size[0], static_cast<size_t>(4));
  // Channels have gaps between them.
  const int channels = end.rank > 2 ? size[0] : 1;
  const size_t plane = static_cast<size_t>(Count(end) / channels) * 4;
  for (int at = 0; at < channels; ++at) {
    ncnn::Mat channel = mat.channel(at);
    std::memcpy(channel.data, sample + at * plane, plane);
  }
  return mat;
}

// The largest difference of an output from what is expected; infinite where sizes differ.
double Apart(const ncnn::Mat& found, const End& end, const unsigned char* expected) {
  const int plane = found.w * found.h * found.d;
  if (plane * found.c != Count(end)) return INFINITY;
  double largest = 0;
  for (int channel = 0; channel < found.c; ++channel) {
    const float* values = found.channel(channel);
    for (int at = 0; at < plane; ++at) {
      float wanted;
      std::memcpy(&wanted, expected + static_cast<size_t>(channel * plane + at) * 4, 4);
      const double apart = std::fabs(static_cast<double>(values[at]) - static_cast<double>(wanted));
      if (!(apart <= largest)) largest = std::isnan(apart) ? INFINITY : apart;
    }
  }
  return largest;
}

// The largest difference over all samples; negative where NCNN cannot run the model.
double SelfTest(bool float16) {
  ncnn::Net net;
  net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = float16;
  if (net.load_param("model.param") != 0 || net.load_model("model.bin") != 0) return -1;
  double largest = 0;
  for (int sample = 0; sample < kSamples; ++sample) {
    ncnn::Extractor extractor = net.create_extractor();
    for (int at = 0; at < kInputs; ++at) {
      const End& end = kInputEnds[at];
      const unsigned char* bytes = self_test_inputs[at] + static_cast<size_t>(sample) * Count(end) * 4;
      if (extractor.input(end.blob, Filled(end, bytes)) != 0) return -1;
    }
    for (int at = 0; at < kOutputs; ++at) {
      const End& end = kOutputEnds[at];
      ncnn::Mat found;
      if (extractor.extract(end.blob, found) != 0) return -1;
      const unsigned char* expected = self_test_outputs[at] + static_cast<size_t>(sample) * Count(end) * 4;
      largest = std::fmax(largest, Apart(found, end, expected));
    }
  }
  return largest;
}

}  // namespace

int main() {
  const double strict = SelfTest(false), usual = SelfTest(true);
  std::printf("float32 between layers: largest difference %g, at most %g wanted\\n", strict, kFloatTolerance);
  std::printf("NCNN's default options: largest difference %g\\n", usual);
  return strict >= 0 && strict <= kFloatTolerance ? 0 : 1;
}
"""

CMAKE = """\
# Android: -DCMAKE_TOOLCHAIN_FILE=$ANDROID_NDK/build/cmake/android.toolchain.cmake -DANDROID_ABI=arm64-v8a
#          -Dncnn_DIR=FOLDER/arm64-v8a/lib/cmake/ncnn, of ncnn-YYYYMMDD-android.zip
cmake_minimum_required(VERSION 3.16)
project(model LANGUAGES CXX)
find_package(ncnn REQUIRED)
add_executable(model main.cc self_test.cc)
target_compile_features(model PRIVATE cxx_std_17)
target_link_libraries(model PRIVATE ncnn)
"""


def main_source(inputs: Sequence[End], outputs: Sequence[End]) -> str:
    """`main.cc`: the self-test, with numbers between layers in float32 and as NCNN has them by default."""
    filled = {"INPUTS": ", ".join(map(_initializer, inputs)), "OUTPUTS": ", ".join(map(_initializer, outputs))}
    text = _MAIN
    for name, value in filled.items():
        text = text.replace(f"@{name}@", value)
    return text


def as_ncnn(samples: Array, end: End) -> Array:
    """Samples of an input or output, first axis = samples, with the other axes in NCNN's order; float32 or int32."""
    return np.ascontiguousarray(samples.astype(end.dtype, copy=False).transpose((0, *end.axes)))


def _initializer(end: End) -> str:
    sizes = ([1] if end.keeps_first else []) + [end.shape[axis] for axis in end.axes]
    return f'{{"{end.blob}", {len(sizes)}, {{{", ".join(map(str, sizes))}}}}}'
