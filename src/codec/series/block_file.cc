#include "codec/series/block_file.h"

#include <algorithm>

#include "base/text.h"
#include "base/wire.h"
#include "codec/series/frame.h"

namespace selvedge::codec {
namespace {

using base::Code;

// The byte after the name of the format is its version.
constexpr std::uint8_t magic[] = {'S', 'L', 'V', 'B', 'L', 'K', '\n', 1};

bool good_name(std::string_view name) {
  return !name.empty() && name.size() <= max_series_name_bytes && base::is_utf8(name) &&
         std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

base::Result<std::vector<NamedFrame>> read_file(base::Reader& in) {
  std::vector<NamedFrame> all;
  while (!in.at_end()) {
    const std::string_view series = in.text();
    const base::BytesView frame = in.bytes();
    const std::string where = "read blocks: block " + std::to_string(all.size());
    if (!in.ok()) return base::fail(Code::corrupt, where + ": the file is cut short");
    if (!good_name(series)) return base::fail(Code::corrupt, where + ": its series has no usable name");
    all.push_back({series, frame});
  }
  return all;
}

}  // namespace

void begin_block_file(base::Bytes& out) { base::append(out, magic); }

base::Result<void> put_block(base::Bytes& out, std::string_view series, base::BytesView frame) {
  if (!good_name(series))
    return base::fail(Code::invalid_input, "series name '" + base::printable(series, 40) +
                                               "': expected UTF-8 of 1 to 512 bytes without control characters");
  base::Writer writer(out);
  writer.text(series);
  writer.bytes(frame);
  return {};
}

base::Result<std::vector<NamedFrame>> read_blocks(base::BytesView bytes) {
  base::Reader in(bytes);
  const base::BytesView head = in.raw(std::min(bytes.size(), std::size(magic)));
  if (std::ranges::equal(head, magic)) return read_file(in);
  if (head.size() == std::size(magic) && std::equal(head.begin(), head.end() - 1, magic))
    return base::fail(Code::corrupt, "read blocks: a newer version made this file");
  if (read_summary(bytes)) return std::vector<NamedFrame>{{{}, bytes}};
  std::vector<NamedFrame> all;
  for (base::Reader frames(bytes); frames.ok() && !frames.at_end();) {
    const base::BytesView frame = frames.bytes();
    if (!frames.ok() || (all.empty() && !read_summary(frame)))
      return base::fail(Code::corrupt, all.empty() ? "read blocks: these are no blocks" : "read blocks: the last block is cut short");
    all.push_back({{}, frame});
  }
  if (all.empty()) return base::fail(Code::corrupt, "read blocks: nothing is there");
  return all;
}

}  // namespace selvedge::codec
