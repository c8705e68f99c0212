// Codec: one row of the codec benchmark: a name, the kinds of column it takes, and how it encodes and
// decodes one block. To add one: write `void add_x(std::vector<Codec>&)` and call it in main.cc.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace bench {

// Of the column: doubles, floats, int64 milliseconds, or int64 nanoseconds with doubles (whole frames).
enum class Kind : char { float64 = 'd', float32 = 'f', clock = 'q', reading = 'r' };

inline std::size_t size_of(Kind kind) { return kind == Kind::float32 ? 4 : kind == Kind::reading ? 16 : 8; }

using Bytes = std::vector<std::uint8_t>;

struct Codec {
  std::string name;
  std::string kinds;    // "dfq"
  bool slow = false;    // encoded in one round only
  // Replaces `out`; false if the codec cannot take this block.
  std::function<bool(const std::uint8_t* in, std::size_t count, Kind, Bytes& out)> encode;
  std::function<bool(std::span<const std::uint8_t> in, std::uint8_t* out, std::size_t count, Kind)> decode;
  // Called before the first block of a series, for codecs that carry state from block to block.
  std::function<void()> begin = {};
};

void add_compressors(std::vector<Codec>&);   // general ones, and those for arrays
void add_schemes(std::vector<Codec>&);       // plain versions of published simple schemes
void add_ours(std::vector<Codec>&);

// CPU time of this thread in seconds: the cores are shared.
double cpu_now();
double median(std::vector<double> values);   // 0 of none

}  // namespace bench
