// Nanoseconds of processor time a reading for each payload format: the median of several runs, in
// each of which one message is decoded again and again. Build it in release: ninja -C build/release codec_payload_bench.

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "base/text.h"
#include "codec/payload/payload.h"

namespace selvedge::codec::payload {
namespace {

constexpr int readings = 100;
constexpr int runs = 9;
constexpr std::int64_t first_ms = 1'767'225'600'000;

std::string value_of(int i) { return base::to_text(21.5 + 0.25 * (i % 37) + 0.013 * i); }

std::string json_array() {
  std::string text = "[";
  for (int i = 0; i < readings; ++i)
    text += std::string(i ? "," : "") + "{\"name\":\"line1/temperature" + std::to_string(i % 10) +
            "\",\"ts\":" + std::to_string(first_ms + i) + ",\"value\":" + value_of(i) + "}";
  return text + "]";
}

std::string ndjson() {
  std::string text;
  for (int i = 0; i < readings; ++i)
    text += "{\"ts\":" + std::to_string(first_ms + i) + ",\"value\":" + value_of(i) + "}\n";
  return text;
}

std::string lines() {
  std::string text;
  for (int i = 0; i < readings; ++i)
    text += "boiler,site=north,unit=" + std::to_string(i % 10) + " temperature=" + value_of(i) + " " +
            std::to_string((first_ms + i) * 1'000'000) + "\n";
  return text;
}

std::string senml_json() {
  std::string text = "[{\"bn\":\"urn:dev:mac:0024befffe804ff1:\",\"bt\":1767225600.25,\"bu\":\"Cel\"}";
  for (int i = 0; i < readings; ++i)
    text += ",{\"n\":\"temp" + std::to_string(i % 10) + "\",\"t\":" + std::to_string(i) +
            ",\"v\":" + value_of(i) + "}";
  return text + "]";
}

std::string senml_cbor() {
  std::string text("\x98\x64", 2);
  for (int i = 0; i < readings; ++i) {
    text += std::string("\xA3\x00\x65temp", 7) + static_cast<char>('0' + i % 10);
    text += std::string("\x06\x1A\x69\x55\xB9", 5) + static_cast<char>(i);
    text += std::string("\x02\xFB\x40\x35\x80\x00\x00\x00\x00", 9) + static_cast<char>(i);
  }
  return text;
}

void measure(std::string_view only, const char* title, const Options& options, const std::string& payload) {
  if (!std::string_view(title).starts_with(only)) return;
  double sum = 0;
  std::size_t names = 0;
  const auto sink = [&](const Found& found) {
    sum += found.value.float64;
    names += found.name.size();
  };
  const auto once = [&] {
    return decode(base::as_bytes(payload), options, base::Time{first_ms * 1'000'000}, sink);
  };
  const auto count = once();
  if (!count) {
    std::printf("%-28s %s\n", title, count.error().message.c_str());
    return;
  }
  const int times = 20'000'000 / static_cast<int>(payload.size() + 100);
  std::vector<double> results;
  for (int run = 0; run < runs; ++run) {
    const std::clock_t start = std::clock();
    for (int i = 0; i < times; ++i) base::ignore(once(), "measured, not looked at");
    const double took = static_cast<double>(std::clock() - start) * (1e9 / CLOCKS_PER_SEC);
    results.push_back(took / (static_cast<double>(times) * static_cast<double>(*count)));
  }
  std::sort(results.begin(), results.end());
  std::printf("%-28s %7.1f ns a reading (best %.1f), %zu readings in %zu bytes%s\n", title,
              results[runs / 2], results[0], *count, payload.size(), sum + static_cast<double>(names) == 0 ? "!" : "");
}

}  // namespace

// Those whose title begins with `only`.
void run_benchmarks(std::string_view only) {
  Options named;
  named.name_field = "name";
  const std::string single = "{\"ts\":1767225600123,\"value\":21.75}";
  const auto with = [](Options options, Format format) {
    options.format = format;
    return options;
  };
  measure(only, "number", with({}, Format::number), "21.75");
  measure(only, "number, detected", {}, "21.75");
  measure(only, "json object", with({}, Format::json), single);
  measure(only, "json object, detected", {}, single);
  measure(only, "json array", with(named, Format::json), json_array());
  measure(only, "json array, detected", named, json_array());
  measure(only, "ndjson", with({}, Format::ndjson), ndjson());
  measure(only, "senml json", with({}, Format::senml_json), senml_json());
  measure(only, "senml json, detected", {}, senml_json());
  measure(only, "senml cbor", with({}, Format::senml_cbor), senml_cbor());
  measure(only, "line protocol", with({}, Format::line_protocol), lines());
  measure(only, "line protocol, detected", {}, lines());
}

}  // namespace selvedge::codec::payload

int main(int argc, char** argv) {
  selvedge::codec::payload::run_benchmarks(argc > 1 ? argv[1] : "");
}
