// Stands in for TensorFlow Lite Micro: its names as main.cc uses them, and a network that answers with its input.
#pragma once
#include <cstdio>
#include <cstring>

#define TFLITE_SCHEMA_VERSION (3)
#define MicroPrintf(...) (std::printf(__VA_ARGS__), std::printf("\n"))

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
enum TfLiteType { kTfLiteNoType = 0, kTfLiteFloat32 = 1, kTfLiteInt32 = 2, kTfLiteInt16 = 7, kTfLiteInt8 = 9 };
struct TfLiteTensor {
  TfLiteType type;
  union {
    char* raw;
    void* data;
  } data;
  size_t bytes;
};

namespace tflite {

struct Model {
  unsigned int version() const { return TFLITE_SCHEMA_VERSION; }
};
inline const Model* GetModel(const void* content) {
  static Model model;
  // Where every TFLite file has its identifier.
  return std::memcmp(static_cast<const char*>(content) + 4, "TFL3", 4) == 0 ? &model : nullptr;
}
inline void InitializeTarget() {}

class MicroOpResolver {};

template <unsigned int count>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
#define KERNEL(name) \
  TfLiteStatus Add##name() { return added_++ < count ? kTfLiteOk : kTfLiteError; }
#include "kernels.inc"
#undef KERNEL

 private:
  unsigned int added_ = 0;
};

class MicroInterpreter {
 public:
  MicroInterpreter(const Model*, const MicroOpResolver&, unsigned char* arena, size_t size) : size_(size) {
    aligned_ = reinterpret_cast<size_t>(arena) % 16 == 0;
  }
  TfLiteStatus AllocateTensors() { return aligned_ ? kTfLiteOk : kTfLiteError; }
  size_t arena_used_bytes() const { return size_; }
  TfLiteStatus Reset() { return kTfLiteOk; }
  TfLiteTensor* input(size_t) { return &input_; }
  TfLiteTensor* output(size_t) { return &output_; }
  TfLiteStatus Invoke() {
    std::memcpy(out_, in_, VALUES);
    return kTfLiteOk;
  }

 private:
  char in_[VALUES], out_[VALUES];
  TfLiteTensor input_{kTfLiteInt8, {in_}, VALUES}, output_{kTfLiteInt8, {out_}, VALUES};
  size_t size_;
  bool aligned_;
};

}  // namespace tflite
