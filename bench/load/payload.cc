#include "load/payload.h"

#include <array>
#include <charconv>

#include "load/server_process.h"

namespace selvedge::bench {
namespace {

constexpr std::uint64_t batch_step_ns = 1'000'000;   // between the readings of a batch
constexpr std::uint32_t sensors_in_a_batch = 10;     // line protocol: series that share it

void append_integer(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_hundredths(std::string& out, std::uint32_t value) {
  append_integer(out, value / 100);
  out += '.';
  out += static_cast<char>('0' + value / 10 % 10);
  out += static_cast<char>('0' + value % 10);
}

// xorshift32 (Marsaglia, 2003).
std::uint32_t random(Source& source) {
  std::uint32_t x = source.random;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return source.random = x;
}

std::uint32_t next_value(Source& source) {
  source.hundredths += 1 + random(source) % 9;
  if (source.hundredths > 4000) source.hundredths -= 3000;
  return source.hundredths;
}

}  // namespace

PayloadMaker::PayloadMaker(const Options& options)
    : options_(options),
      batch_(options.mode == "batch" || options.mode == "post"),
      lines_(options.mode == "post" || options.format == BatchFormat::line) {}

Source PayloadMaker::source(std::uint32_t number) const {
  Source made;
  made.number = number;
  made.random = number * 2654435761u + 1;
  if (made.random == 0) made.random = 1;
  made.time_ns = wall_now_ns();
  return made;
}

const std::string& PayloadMaker::next(Source& source) {
  payload_.clear();
  if (batch_) {
    if (lines_) make_lines(source);
    else make_json_batch(source);
  } else if (options_.payload == Payload::number) {
    append_hundredths(payload_, next_value(source));
  } else if (options_.payload == Payload::json) {
    append_reading(wall_now_ns(), next_value(source));
    if (payload_.size() < options_.size) payload_.append(options_.size - payload_.size(), ' ');
  } else {
    const std::size_t size = options_.size > 0 ? options_.size : 64;
    while (payload_.size() < size) payload_ += static_cast<char>(random(source) & 255);
  }
  return payload_;
}

void PayloadMaker::append_reading(std::uint64_t time_ns, std::uint32_t hundredths) {
  payload_ += R"({"ts":)";
  append_integer(payload_, time_ns);
  payload_ += R"(,"value":)";
  append_hundredths(payload_, hundredths);
  payload_ += '}';
}

void PayloadMaker::make_json_batch(Source& source) {
  payload_ += '[';
  for (std::uint32_t i = 0; i < options_.batch_readings; ++i) {
    if (i > 0) payload_ += ',';
    append_reading(source.time_ns += batch_step_ns, next_value(source));
  }
  payload_ += ']';
}

// A gateway's collection: the same sensors one after the other, at each moment.
void PayloadMaker::make_lines(Source& source) {
  for (std::uint32_t i = 0; i < options_.batch_readings; ++i) {
    const std::uint32_t sensor = i % sensors_in_a_batch;
    if (sensor == 0) source.time_ns += batch_step_ns;
    payload_ += "bench,gateway=g";
    append_integer(payload_, source.number);
    payload_ += ",sensor=s";
    append_integer(payload_, sensor);
    payload_ += " value=";
    append_hundredths(payload_, next_value(source));
    payload_ += ' ';
    append_integer(payload_, source.time_ns);
    payload_ += '\n';
  }
}

}  // namespace selvedge::bench
