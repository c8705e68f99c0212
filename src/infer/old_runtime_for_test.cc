// A library that looks like an ONNX Runtime too old for us: it has no table of the version we ask for.

#include <cstdint>

namespace {

struct ApiBase {
  const void* (*table)(std::uint32_t version);
  const char* (*version)();
};

}  // namespace

extern "C" const ApiBase* OrtGetApiBase();
extern "C" const ApiBase* OrtGetApiBase() {
  static const ApiBase base{[](std::uint32_t) -> const void* { return nullptr; }, [] { return "1.2.3"; }};
  return &base;
}
