"""The program around the model: C++ for TensorFlow Lite Micro, and how CMake builds it."""

from __future__ import annotations

from collections.abc import Sequence

# Room for what the estimate of the tail does not know; `arena_used_bytes()` tells the truth on the device.
MARGIN = 1024

_MAIN = """\
// Runs the model in model.cc with TensorFlow Lite Micro, and compares its answers with those in self_test.cc.
#include <cmath>
#include <cstring>

#include "model.h"
#include "self_test.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_log.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/system_setup.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {

// Head @HEAD@ bytes as TFLM plans it, @TAIL@ estimated, @MARGIN@ to spare.
constexpr int kArenaSize = @ARENA@;
alignas(16) unsigned char arena[kArenaSize];

using Resolver = tflite::MicroMutableOpResolver<@COUNT@>;

TfLiteStatus AddOperators(Resolver& resolver) {
@CALLS@
  return kTfLiteOk;
}

#ifdef SELF_TEST
// How many values of one output differ by more than the tolerance.
template <typename T>
int Differing(const void* found, const void* expected, unsigned int bytes, double tolerance) {
  int differing = 0;
  for (unsigned int at = 0; at < bytes; at += sizeof(T)) {
    T ours, theirs;
    std::memcpy(&ours, static_cast<const char*>(found) + at, sizeof(T));
    std::memcpy(&theirs, static_cast<const char*>(expected) + at, sizeof(T));
    differing += !(std::fabs(static_cast<double>(ours) - static_cast<double>(theirs)) <= tolerance);
  }
  return differing;
}

int Compare(const TfLiteTensor* output, const void* expected) {
  switch (output->type) {
    case kTfLiteInt8:
      return Differing<signed char>(output->data.raw, expected, output->bytes, kIntegerTolerance);
    case kTfLiteInt16:
      return Differing<short>(output->data.raw, expected, output->bytes, kIntegerTolerance);
    case kTfLiteInt32:
      return Differing<int>(output->data.raw, expected, output->bytes, kIntegerTolerance);
    case kTfLiteFloat32:
      return Differing<float>(output->data.raw, expected, output->bytes, kFloatTolerance);
    default:
      return 1;
  }
}

int RunSelfTest(tflite::MicroInterpreter& interpreter) {
  int differing = 0;
  for (int sample = 0; sample < kSamples; ++sample) {
    // Every sample starts from a fresh state.
    if (interpreter.Reset() != kTfLiteOk) return -1;
    for (int at = 0; at < kInputs; ++at) {
      TfLiteTensor* input = interpreter.input(at);
      std::memcpy(input->data.raw, self_test_inputs[at] + sample * input->bytes, input->bytes);
    }
    if (interpreter.Invoke() != kTfLiteOk) return -1;
    for (int at = 0; at < kOutputs; ++at) {
      const TfLiteTensor* output = interpreter.output(at);
      differing += Compare(output, self_test_outputs[at] + sample * output->bytes);
    }
  }
  return differing;
}
#endif  // SELF_TEST

}  // namespace

int main() {
  tflite::InitializeTarget();
  const tflite::Model* model = tflite::GetModel(model_data);
  if (model->version() != TFLITE_SCHEMA_VERSION) {
    MicroPrintf("the model is of schema %d, TFLM of %d", static_cast<int>(model->version()), TFLITE_SCHEMA_VERSION);
    return 1;
  }
  Resolver resolver;
  if (AddOperators(resolver) != kTfLiteOk) return 1;
  tflite::MicroInterpreter interpreter(model, resolver, arena, kArenaSize);
  if (interpreter.AllocateTensors() != kTfLiteOk) {
    MicroPrintf("an arena of %d bytes is too small, or an operator is missing", kArenaSize);
    return 1;
  }
  MicroPrintf("arena: %d of %d bytes used", static_cast<int>(interpreter.arena_used_bytes()), kArenaSize);
#ifdef SELF_TEST
  const int differing = RunSelfTest(interpreter);
  MicroPrintf("self-test: %d values differ over %d samples", differing, kSamples);
  return differing == 0 ? 0 : 1;
#else
  // Put a sample into interpreter.input(0)->data as manifest.json says, and read interpreter.output(0)->data.
  return interpreter.Invoke() == kTfLiteOk ? 0 : 1;
#endif
}
"""

_CMAKE = """\
# Needs a tree of TensorFlow Lite Micro, which its own script makes:
#   python3 tensorflow/lite/micro/tools/project_generation/create_tflm_tree.py TREE
cmake_minimum_required(VERSION 3.16)
project(model LANGUAGES C CXX)
option(SELF_TEST "Compare with the expected answers in self_test.cc" @SELF_TEST@)
set(TFLM_TREE "" CACHE PATH "The folder that create_tflm_tree.py made")
set(BOARD_SOURCES "" CACHE STRING "Start-up code of the board, from its vendor")
set(BOARD_LINK_FLAGS "" CACHE STRING "Such as -Tboard.ld --specs=nosys.specs")
if(NOT EXISTS "${TFLM_TREE}/tensorflow/lite/micro")
  message(FATAL_ERROR "give -DTFLM_TREE=FOLDER, made by create_tflm_tree.py of tflite-micro")
endif()

set(FLAGS @FLAGS@ -Os -ffunction-sections -fdata-sections)
file(GLOB_RECURSE TFLM_SOURCES "${TFLM_TREE}/tensorflow/*.cc" "${TFLM_TREE}/tensorflow/*.c"
     "${TFLM_TREE}/signal/*.cc" "${TFLM_TREE}/signal/*.c" "${TFLM_TREE}/third_party/*.cc"
     "${TFLM_TREE}/third_party/*.c")
add_library(tflm STATIC ${TFLM_SOURCES})
target_include_directories(tflm PUBLIC "${TFLM_TREE}" "${TFLM_TREE}/third_party/flatbuffers/include"
                           "${TFLM_TREE}/third_party/gemmlowp" "${TFLM_TREE}/third_party/kissfft"
                           "${TFLM_TREE}/third_party/kissfft/tools" "${TFLM_TREE}/third_party/ruy")
target_compile_definitions(tflm PUBLIC TF_LITE_STATIC_MEMORY)
@NPU@target_compile_features(tflm PUBLIC cxx_std_17)
target_compile_options(tflm PUBLIC ${FLAGS} $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti;-fno-exceptions>)

add_executable(model main.cc model.cc ${BOARD_SOURCES})
if(SELF_TEST)
  target_sources(model PRIVATE self_test.cc)
  target_compile_definitions(model PRIVATE SELF_TEST)
endif()
separate_arguments(BOARD_LINK_FLAGS)
target_link_libraries(model PRIVATE tflm m)
target_link_options(model PRIVATE ${FLAGS} "-L${CMAKE_CURRENT_SOURCE_DIR}" ${BOARD_LINK_FLAGS} -Wl,--gc-sections)
"""

# Source: tensorflow/lite/micro/tools/make/ext_libs/ethos_u.inc of tflite-micro, and the driver's own CMakeLists.txt.
_DRIVER = """\
target_compile_definitions(tflm PUBLIC ETHOS_U ETHOSU_ARCH=@npu@ ETHOS@NPU@)
target_include_directories(tflm PUBLIC "${TFLM_TREE}/third_party/ethos_u_core_driver/include"
                           "${TFLM_TREE}/third_party/cmsis/CMSIS/Core/Include")
"""

TOOLCHAIN = """\
# GNU Arm Embedded: apt-get install gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
# Nothing links before the board's own start-up code is there.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
"""


def main_source(calls: Sequence[str], head: int, rest: int) -> str:
    """`main.cc`: the resolver, the arena, and the self-test.

    Args:
        calls: the `Add…` members of the resolver.
        head: bytes of the arena that are known.
        rest: bytes that are estimated.
    """
    added = "\n".join(f"  if (resolver.{call}() != kTfLiteOk) return kTfLiteError;" for call in calls)
    numbers = {
        "HEAD": head,
        "TAIL": rest,
        "MARGIN": MARGIN,
        "ARENA": head + rest + MARGIN,
        "COUNT": len(calls),
        "CALLS": added,
    }
    return _filled(_MAIN, numbers)


def cmake_lists(compiler_flags: str, self_test: bool = True, npu: str = "") -> str:
    """`CMakeLists.txt`, with the compiler's flags for the core.

    Args:
        self_test: it is built unless the user says otherwise.
        npu: of an Ethos-U, such as u55: its driver, which is part of TFLM's tree then, has to know.
    """
    driver = _DRIVER.replace("@npu@", npu).replace("@NPU@", npu.upper()) if npu else ""
    return _filled(_CMAKE, {"FLAGS": compiler_flags, "SELF_TEST": "ON" if self_test else "OFF", "NPU": driver})


def _filled(template: str, values: dict[str, object]) -> str:
    for name, value in values.items():
        template = template.replace(f"@{name}@", str(value))
    return template
