#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "base/json.h"
#include "base/text.h"
#include "cli/block_csv.h"
#include "cli/commands.h"
#include "codec/series/block_file.h"
#include "codec/series/plain_zstd.h"
#include "os/file_at.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr std::uint64_t file_limit = 1ULL << 30;
constexpr std::size_t most_rows = 100'000'000;

// A file, or standard input as "-".
Result<std::string> read_input(Session& session, const std::string& path) {
  if (path != "-") return os::read_text(session.world, path, file_limit);
  std::string text;
  char part[65536];
  for (std::size_t got; (got = std::fread(part, 1, sizeof part, stdin)) > 0;) {
    text.append(part, got);
    if (text.size() > file_limit) return fail(Code::exhausted, "standard input: more than 1 GiB");
  }
  if (std::ferror(stdin) != 0) return std::unexpected(base::system_error("read standard input", errno));
  return text;
}

Result<std::vector<DoubleSeries>> read_csv(const Arguments& arguments, Session& session) {
  const std::string& path = arguments.positional[0];
  std::string text = TRY(read_input(session, path));
  const std::string unit = arguments.text("time", "auto");
  if (unit == "ms" || unit == "s") {
    // The parser goes by the header's ending; the unit that was said wins.
    const std::size_t end = std::min(text.find_first_of(",\n"), text.size());
    const bool said_ms = std::string_view(text).substr(0, end).ends_with("_ms");
    if (unit == "ms" && !said_ms) text.insert(end, "_ms");
    if (unit == "s" && said_ms) text.erase(end - 3, 3);
  } else if (unit != "auto") {
    return fail(Code::invalid_input, "--time: expected auto, ms or s");
  }
  std::string name = path == "-" ? "stdin" : os::split_path(path).second;
  name = name.substr(0, name.rfind('.'));
  auto parsed = TRY(parse_csv_series(name, text, most_rows));
  return base::while_doing(path, double_series(parsed, arguments.text("series")));
}

Result<BlockCsvOptions> options_of(const Arguments& arguments) {
  BlockCsvOptions options;
  options.block_readings = static_cast<std::size_t>(
      TRY(arguments.integer("block-readings", 10'000, 1, codec::max_readings_per_block)));
  const std::string effort = arguments.text("effort", "dense");
  if (effort != "dense" && effort != "fast") return fail(Code::invalid_input, "--effort: expected dense or fast");
  options.encoding.effort = effort == "fast" ? codec::Effort::fast : codec::Effort::dense;
  options.encoding.bound = TRY(base::while_doing("--bound", parse_bound(arguments.text("bound"))));
  return options;
}

Result<int> encode(const Arguments& arguments, Session& session) {
  const auto all = TRY(read_csv(arguments, session));
  const auto bytes = TRY(encode_blocks(all, TRY(options_of(arguments))));
  std::size_t readings = 0;
  for (const DoubleSeries& series : all) readings += series.columns.size();
  std::string output = arguments.text("output");
  const std::string& input = arguments.positional[0];
  if (output.empty()) output = input == "-" ? "-" : input.substr(0, input.rfind('.')) + ".blocks";
  if (output == "-") {
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
    return 0;
  }
  TRY(os::write_text(session.world, output, base::as_text(bytes)));
  const double ratio = 16.0 * static_cast<double>(readings) / static_cast<double>(bytes.size());
  if (session.out.json()) {
    base::JsonWriter json;
    json.begin_object().field("file", output).field("series", std::uint64_t{all.size()})
        .field("readings", std::uint64_t{readings}).field("bytes", std::uint64_t{bytes.size()}).field("ratio", ratio).end_object();
    session.out.document(json.text());
  } else {
    session.out.line(output + ": " + std::to_string(readings) + " readings of " + std::to_string(all.size()) + " series in " +
                     std::to_string(bytes.size()) + " bytes, 1/" + base::to_text(std::round(ratio * 10) / 10) +
                     " of 16 bytes a reading");
  }
  return 0;
}

Result<int> decode(const Arguments& arguments, Session& session) {
  const std::string text = TRY(read_input(session, arguments.positional[0]));
  const std::string output = arguments.text("output", "-");
  std::string csv;
  const auto write = [&](std::string_view line) {
    if (output == "-") std::fwrite(line.data(), 1, line.size(), stdout);
    else csv += line;
  };
  TRY(base::while_doing(arguments.positional[0], decode_blocks(base::as_bytes(text), arguments.text("series"), write)));
  if (output != "-") TRY(os::write_text(session.world, output, csv));
  return 0;
}

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

Result<int> info(const Arguments& arguments, Session& session) {
  const std::string text = TRY(read_input(session, arguments.positional[0]));
  const auto blocks = TRY(base::while_doing(arguments.positional[0], codec::read_blocks(base::as_bytes(text))));
  base::JsonWriter json;
  json.begin_array();
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto summary = TRY(base::while_doing(arguments.positional[0] + ": block " + std::to_string(i),
                                               codec::read_summary(blocks[i].frame)));
    const std::string series(blocks[i].series);
    const std::size_t bytes = blocks[i].frame.size();
    const double bits = 8.0 * static_cast<double>(bytes) / summary.count;
    const double mean = summary.sum / (summary.count - (summary.nan_count < summary.count ? summary.nan_count : 0));
    json.begin_object().field("series", series).field("block", std::uint64_t{i}).field("kind", model::name(summary.kind))
        .field("count", summary.count).field("nan_count", summary.nan_count).field("first_ns", summary.first_time.ns)
        .field("last_ns", summary.last_time.ns).field("codec", codec::codec_name(summary.codec))
        .field("bytes", std::uint64_t{bytes}).field("bits_a_reading", bits).field("min", summary.min)
        .field("max", summary.max).field("sum", summary.sum).field("first", summary.first).field("last", summary.last).end_object();
    rows.push_back({series.empty() ? "-" : series, std::to_string(summary.count), base::to_iso8601(summary.first_time),
                    base::to_iso8601(summary.last_time), std::string(codec::codec_name(summary.codec)), std::to_string(bytes),
                    short_number(bits), short_number(summary.min), short_number(mean), short_number(summary.max)});
  }
  json.end_array();
  if (session.out.json()) session.out.document(json.text());
  else session.out.table({"SERIES", "READINGS", "FIRST", "LAST", "CODEC", "BYTES", "BITS", "MIN", "MEAN", "MAX"}, rows);
  return 0;
}

double cpu_now() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Measured {
  std::size_t bytes = 0;
  double encoding = 0, decoding = 0;   // seconds
};

// All blocks of all series through one pair of functions; `same` compares what came back.
template <typename Encode, typename Decode>
Result<Measured> measure(const std::vector<codec::Columns>& blocks, Encode&& encode_block, Decode&& decode_block) {
  Measured measured;
  base::Bytes coded;
  for (const codec::Columns& block : blocks) {
    double start = cpu_now();
    TRY(encode_block(block, coded));
    measured.encoding += cpu_now() - start;
    measured.bytes += coded.size();
    start = cpu_now();
    TRY(decode_block(block, coded));
    measured.decoding += cpu_now() - start;
  }
  return measured;
}

base::Bytes raw_bytes(const codec::Columns& block) {
  base::Bytes raw(block.size() * 16);
  std::memcpy(raw.data(), block.times.data(), block.size() * 8);
  std::memcpy(raw.data() + block.size() * 8, block.float64.data(), block.size() * 8);
  return raw;
}

Result<int> bench(const Arguments& arguments, Session& session) {
  const auto all = TRY(read_csv(arguments, session));
  const BlockCsvOptions options = TRY(options_of(arguments));
  std::vector<codec::Columns> blocks;
  std::size_t readings = 0;
  for (const DoubleSeries& series : all) {
    // In time order, as a block keeps them, so that what comes back can be compared.
    std::vector<std::size_t> order(series.columns.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return series.columns.times[i]; });
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i % options.block_readings == 0) blocks.emplace_back();
      blocks.back().push({series.columns.times[order[i]]}, series.columns.at(order[i]));
    }
    readings += order.size();
  }
  std::vector<std::pair<std::string, Measured>> rows;
  codec::Columns back;
  for (const auto effort : {codec::Effort::dense, codec::Effort::fast}) {
    const auto put = [&](const codec::Columns& block, base::Bytes& coded) -> Result<void> {
      coded.clear();
      TRY(codec::encode_frame(block, coded, {.effort = effort, .bound = options.encoding.bound}));
      return {};
    };
    const auto take = [&](const codec::Columns& block, base::BytesView coded) -> Result<void> {
      TRY(codec::decode_frame(coded, back));
      if (options.encoding.bound.exact() && raw_bytes(back) != raw_bytes(block))
        return fail(Code::internal, "a block came back changed");
      return {};
    };
    rows.emplace_back(effort == codec::Effort::dense ? "selvedge dense" : "selvedge fast", TRY(measure(blocks, put, take)));
  }
  for (const int level : {3, 19}) {
    base::Bytes got;
    const auto put = [&](const codec::Columns& block, base::Bytes& coded) -> Result<void> {
      codec::plain_zstd(raw_bytes(block), level, coded);
      return {};
    };
    const auto take = [&](const codec::Columns& block, base::BytesView coded) -> Result<void> {
      got.resize(block.size() * 16);
      if (!codec::plain_unzstd(coded, got)) return fail(Code::internal, "zstd did not read its own bytes");
      return {};
    };
    rows.emplace_back("zstd " + std::to_string(level), TRY(measure(blocks, put, take)));
  }
  base::JsonWriter json;
  json.begin_array();
  std::vector<std::vector<std::string>> cells;
  const double raw = 16.0 * static_cast<double>(readings);
  for (const auto& [name, one] : rows) {
    const double ratio = raw / static_cast<double>(one.bytes), bits = 128 / ratio;
    const double in = raw / std::max(one.encoding, 1e-9) / 1e6, out = raw / std::max(one.decoding, 1e-9) / 1e6;
    json.begin_object().field("codec", name).field("readings", std::uint64_t{readings}).field("bytes", std::uint64_t{one.bytes})
        .field("ratio", ratio).field("bits_a_reading", bits).field("encode_mb_per_s", in).field("decode_mb_per_s", out).end_object();
    cells.push_back({name, std::to_string(one.bytes), short_number(ratio), short_number(bits), short_number(in), short_number(out)});
  }
  json.end_array();
  if (session.out.json()) session.out.document(json.text());
  else session.out.table({"CODEC", "BYTES", "RATIO", "BITS A READING", "ENCODE MB/S", "DECODE MB/S"}, cells);
  return 0;
}

std::vector<Flag> csv_flags(std::vector<Flag> more) {
  std::vector<Flag> flags = {
      {"series", "NAME", "Name of the series; with several columns, in front of theirs.", "FILE/COLUMN"},
      {"time", "UNIT", "Of the first column: ms, s or auto: ISO 8601, or a count whose size tells.", "auto"},
      {"bound", "BOUND", "Let values be off by as much: 0.05, or a share of a block's range as 0.8%.", "exact"},
      {"block-readings", "N", "Readings a block, at most.", "10000"}};
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

}  // namespace

std::vector<Command> block_commands() {
  return {
      {"block", "bench", "FILE.csv", 1, 1, "Measure our codecs beside zstd on a CSV file of yours.",
       "Size, and CPU time of one thread in one pass; every exact block is decoded and compared. '-' is standard input.",
       {"selvedge block bench boiler.csv", "selvedge block bench boiler.csv --block-readings 1000 --json"}, csv_flags({}), bench},
      {"block", "decode", "FILE.blocks", 1, 1, "Write the readings of a file of blocks as CSV.",
       "Takes files of 'block encode', answers of format=frames, and single frames. Numbers are the shortest that read "
       "back as the same double. '-' is standard input.",
       {"selvedge block decode boiler.blocks > boiler.csv"},
       {{"series", "NAME", "Only this one."}, {"output", "FILE", "Where to.", "standard output"}}, decode},
      {"block", "encode", "FILE.csv", 1, 1, "Make a file of blocks from a CSV file.",
       "The first column is the time, each other column a series of numbers; empty cells are no readings. '-' is standard input.",
       {"selvedge block encode boiler.csv", "selvedge block encode - --series boiler/temp --bound 0.8% --output boiler.blocks"},
       csv_flags({{"effort", "EFFORT", "dense: fewest bytes; fast: least time.", "dense"},
                  {"output", "FILE", "Where to; - is standard output.", "FILE.blocks"}}), encode},
      {"block", "info", "FILE.blocks", 1, 1, "Show what the headers of blocks say, without decoding.", {},
       {"selvedge block info boiler.blocks", "selvedge block info boiler.blocks --json"}, {}, info},
  };
}

}  // namespace selvedge::cli
