// Output: the one way from a decoder to the sink, with the bounds on it.
//
// A decoder may hand over names and texts as they came; what is too much or cannot be a name is
// refused here. Text is dropped here if it was not asked for.

#pragma once

#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/payload/payload.h"

namespace selvedge::codec::payload {

// Copies a value part by part. Copying it as one block just after its parts were written makes the
// processor wait until they have left its store buffer, which costs more than the decoding.
inline void copy_parts(model::ValueView& to, const model::ValueView& from) {
  to.kind = from.kind;
  to.int64 = from.int64;
  if (from.kind == model::Kind::text) to.text = from.text;
}

class Output {
 public:
  using Sink = std::function<void(const Found&)>;

  Output(const Options& options, const Sink& sink) : options_(options), sink_(sink) {}

  base::Result<void> put(std::string_view name, const std::optional<base::Time>& time,
                         const model::ValueView& value) {
    if (value.kind == model::Kind::text) {
      if (!options_.text_values) return {};
      if (value.text.size() > options_.bounds.text_bytes) return refuse_text(name, value.text.size());
    }
    if (count_ >= options_.bounds.readings) return refuse_count();
    if (name.size() > options_.bounds.name_bytes || !is_printable(name)) return refuse_name(name);
    ++count_;
    Found found;
    found.name = name;
    found.time = time;
    copy_parts(found.value, value);
    sink_(found);
    return {};
  }

  std::size_t count() const { return count_; }

 private:
  // No control characters. Eight bytes at a time, as there is a name for every reading.
  static bool is_printable(std::string_view name);

  base::Result<void> refuse_count() const;
  base::Result<void> refuse_name(std::string_view name) const;
  base::Result<void> refuse_text(std::string_view name, std::size_t size) const;

  const Options& options_;
  const Sink& sink_;
  std::size_t count_ = 0;
};

// True if every byte is below 0x80, which most payloads are and which is quick to see.
bool is_ascii(std::string_view text);

// How a text from outside is shown in an error: quoted, short, without control characters.
std::string quote(std::string_view text);

inline std::uint64_t load_eight(const char* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

inline bool Output::is_printable(std::string_view name) {
  constexpr std::uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
  // A byte below 0x20 borrows into its top bit; 0x7F alone becomes 0 when its low bits are flipped.
  const auto bad = [](std::uint64_t w) {
    const std::uint64_t is_delete = w ^ (ones * 0x7F);
    return (((w - ones * 0x20) & ~w) | ((is_delete - ones) & ~is_delete)) & high;
  };
  const char* p = name.data();
  const char* const end = p + name.size();
  if (name.size() < 8) {
    for (; p < end; ++p)
      if (static_cast<unsigned char>(*p) < ' ' || *p == 0x7F) return false;
    return true;
  }
  for (; end - p > 8; p += 8)
    if (bad(load_eight(p)) != 0) return false;
  return bad(load_eight(end - 8)) == 0;
}

}  // namespace selvedge::codec::payload
