// Messages of Protocol Buffers that stand one after the other are read as one, and so are the parts of
// a field that is given twice: a second "graph" with outputs alone adds them to the first. Written so
// because a ValueInfo always has a shape, and the shapes of these values are not known here.
//
// Source: protobuf.dev/programming-guides/encoding, "Last One Wins"; onnx.proto for the numbers.

#include "engine/quantise/taps.h"

#include "codec/onnx/wire.h"

namespace selvedge::engine::quantise {

base::Bytes with_taps(const Graph& graph, std::span<const std::string> values) {
  base::Bytes model = codec::onnx::write(graph);
  codec::onnx::Output output(model);
  codec::onnx::put_message(output, 7, [&](auto& inner) {
    for (const std::string& value : values)
      codec::onnx::put_message(inner, 12, [&](auto& info) {
        codec::onnx::put_text(info, 1, value);
        codec::onnx::put_message(info, 2, [](auto& type) {
          codec::onnx::put_message(type, 1, [](auto& tensor) {
            codec::onnx::put_integer(tensor, 1, std::int64_t(ElementType::float32));
          });
        });
      });
  });
  return model;
}

}  // namespace selvedge::engine::quantise
