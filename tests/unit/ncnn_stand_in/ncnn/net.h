// Names of NCNN, around a network that answers with what it was given. Channels have gaps between them, as NCNN's have.
#ifndef NCNN_STAND_IN_H_
#define NCNN_STAND_IN_H_

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ncnn {

class Mat {
 public:
  void create(int width, size_t bytes) { Allocate(1, width, 1, 1, 1, bytes); }
  void create(int width, int height, size_t bytes) { Allocate(2, width, height, 1, 1, bytes); }
  void create(int width, int height, int channels, size_t bytes) { Allocate(3, width, height, 1, channels, bytes); }
  void create(int width, int height, int depth, int channels, size_t bytes) {
    Allocate(4, width, height, depth, channels, bytes);
  }
  Mat channel(int at) const {
    Mat one = *this;
    one.c = 1;
    one.data = static_cast<char*>(data) + static_cast<size_t>(at) * step;
    return one;
  }
  operator const float*() const { return static_cast<const float*>(data); }

  int dims = 0, w = 0, h = 0, d = 0, c = 0;
  void* data = nullptr;

 private:
  void Allocate(int rank, int width, int height, int depth, int channels, size_t bytes) {
    dims = rank, w = width, h = height, d = depth, c = channels;
    const size_t plane = static_cast<size_t>(w) * h * d * bytes;
    step = rank > 2 ? (plane + 15) / 16 * 16 : plane;
    memory = std::make_shared<std::vector<char>>(step * c, 'x');
    data = memory->data();
  }

  size_t step = 0;
  std::shared_ptr<std::vector<char>> memory;
};

struct Option {
  bool use_fp16_packed = true, use_fp16_storage = true, use_fp16_arithmetic = true;
};

class Extractor {
 public:
  int input(const char* blob, const Mat& in) { return given = in, std::strcmp(blob, "in0"); }
  int extract(const char* blob, Mat& out) { return out = given, std::strcmp(blob, "out0"); }

 private:
  Mat given;
};

class Net {
 public:
  int load_param(const char* path) { return Load(path); }
  int load_model(const char* path) { return Load(path); }
  Extractor create_extractor() const { return {}; }
  Option opt;

 private:
  static int Load(const char* path) {
    FILE* file = std::fopen(path, "rb");
    return file == nullptr ? -1 : std::fclose(file);
  }
};

}  // namespace ncnn

#endif  // NCNN_STAND_IN_H_
