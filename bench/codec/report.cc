#include "codec/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/json.h"
#include "codec/means.h"
#include "codec/targets.h"

namespace bench {
namespace {

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::float64: return "float64 values";
    case Kind::float32: return "float32 values";
    case Kind::clock: return "int64 timestamps";
    case Kind::reading: return "whole frames (timestamp + value, header, checksum, aggregates)";
  }
  return "";
}

void print_means(const std::vector<Mean>& means) {
  const Mean* before = nullptr;
  for (const Mean& mean : means) {
    if (before == nullptr || before->kind != mean.kind || before->block != mean.block)
      std::printf("\n%s, blocks of %zu\n  %-26s %8s %10s %10s %12s %9s\n", name_of(mean.kind), mean.block, "codec", "ratio",
                  "enc GB/s", "dec GB/s", "dec/memcpy", "series");
    before = &mean;
    const Mean* const copy = find_mean(means, "memcpy", mean.kind, mean.block);
    if (mean.decode == 0) {   // only sizes were asked for
      std::printf("  %-26s %8.2f %10s %10s %12s %5zu/%zu\n", mean.codec.c_str(), mean.ratio, "-", "-", "-", mean.taken, mean.of);
      continue;
    }
    std::printf("  %-26s %8.2f %10.3f %10.3f %12.3f %5zu/%zu\n", mean.codec.c_str(), mean.ratio, mean.encode, mean.decode,
                copy != nullptr && copy->decode > 0 ? mean.decode / copy->decode : 0.0, mean.taken, mean.of);
  }
}

void print_series(const Results& results, std::size_t block) {
  static const char* const columns[] = {"selvedge-dense", "selvedge-fast", "zstd-3", "gorilla", "dec-delta-varint-zstd19"};
  std::printf("\nfloat64 values, blocks of %zu: bits a sample\n  %-42s", block, "series");
  for (const char* column : columns) std::printf(" %12.12s", std::string_view(column).starts_with("dec-") ? "chain-zstd19" : column);
  std::printf("\n");
  std::string shown;
  for (const Row& first : results.rows) {
    if (first.kind != Kind::float64 || first.block != block || first.series == shown) continue;
    shown = first.series;
    std::printf("  %-42s", shown.c_str());
    for (const char* column : columns) {
      const auto row = std::ranges::find_if(results.rows, [&](const Row& r) {
        return r.series == shown && r.block == block && r.kind == Kind::float64 && r.codec == column;
      });
      if (row == results.rows.end() || !row->taken) std::printf(" %12s", "-");
      else std::printf(" %12.2f", row->bits());
    }
    std::printf("\n");
  }
}

void print_lossy(const std::vector<LossyMean>& means) {
  const LossyMean* before = nullptr;
  for (const LossyMean& mean : means) {
    if (before == nullptr || before->block != mean.block || before->bound != mean.bound) {
      if (mean.bound > 0) std::printf("\nerror at most %g %% of the range, blocks of %zu, ratio to float32", mean.bound * 100, mean.block);
      else std::printf("\nno bound asked, blocks of %zu, ratio to float32; errors in units of the value", mean.block);
      std::printf("\n  %-26s %8s %13s %14s %10s %10s\n", "codec", "ratio", "temperatures", "largest error", "enc GB/s", "dec GB/s");
    }
    before = &mean;
    std::printf("  %-26s %8.2f %13.2f %14.6g %10.3f %10.3f\n", mean.codec.c_str(), mean.ratio, mean.temperature_ratio,
                mean.largest_error, mean.encode, mean.decode);
  }
}

std::vector<std::string> codecs_of(const Results& results) {
  std::vector<std::string> all;
  for (const Row& row : results.rows)
    if (row.kind == Kind::float64 && std::ranges::find(all, row.codec) == all.end()) all.push_back(row.codec);
  return all;
}

std::vector<std::string> temperatures_of(const Results& results) {
  std::vector<std::string> all;
  for (const Row& row : results.rows)
    if (is_temperature(row.series) && std::ranges::find(all, row.series) == all.end()) all.push_back(row.series);
  return all;
}

std::size_t changed_blocks(const Results& results) {
  return static_cast<std::size_t>(std::ranges::count_if(results.rows, [](const Row& row) { return !row.good; }));
}

double rounded(double value) { return std::round(value * 10000) / 10000; }

}  // namespace

void print_tables(const Results& results) {
  std::printf("%zu series of %s; %u rounds; ratios are geometric means; every block decoded and compared\n", results.series,
              results.data.c_str(), results.plan.speeds ? results.plan.rounds : 1);
  print_means(means_of(results.rows));
  for (const std::size_t block : results.plan.blocks) print_series(results, block);
  for (const std::size_t block : results.plan.blocks) {
    std::printf("\ntimestamp + value, blocks of %zu: ratio of 16 bytes\n", block);
    for (const std::string& codec : codecs_of(results))
      if (const double ratio = pair_ratio(results.rows, codec, block); ratio > 0) std::printf("  %-26s %8.2f\n", codec.c_str(), ratio);
  }
  print_lossy(means_of(results.lossy));
  std::printf("\ntemperatures:");
  for (const std::string& series : temperatures_of(results)) std::printf(" %s", series.c_str());
  std::size_t compared = 0;
  const auto worse = worse_than_peers(results.rows, results.pcodec_file, compared);
  std::printf("\n\nlarger than the best of zstd-3 and pcodec-12 (cited) by more than 2 %%: %zu of %zu\n", worse.size(), compared);
  for (const Worse& one : worse)
    std::printf("  %-42s blocks of %zu: %.2f bits a sample, %s %.2f (%+.1f %%)\n", one.series.c_str(), one.block, one.ours,
                one.peer.c_str(), one.best, (one.ours / one.best - 1) * 100);
  std::printf("\n  %-62s %9s %9s %9s\n", "asked", "at least", "aim", "got");
  for (const Target& target : targets_of(results))
    std::printf("  %-62s %9.4g %9.4g %9.4g  %s\n", target.what.c_str(), target.least, target.aim, target.got,
                target.reached(target.aim) ? "aim reached" : target.reached(target.least) ? "reached" : "MISSED");
  if (const std::size_t changed = changed_blocks(results)) std::printf("\n%zu rows had blocks that came back changed\n", changed);
}

void print_json(const Results& results) {
  selvedge::base::JsonWriter json;
  json.begin_object().field("data", results.data).field("series", std::uint64_t{results.series});
  json.field("rounds", std::uint64_t{results.plan.speeds ? results.plan.rounds : 1});
  json.field("rows_with_changed_blocks", std::uint64_t{changed_blocks(results)});
  json.key("targets").begin_array();
  for (const Target& target : targets_of(results))
    json.begin_object().field("what", target.what).field("at_least", target.least).field("aim", target.aim)
        .field("got", rounded(target.got)).field("reached", target.reached(target.least)).field("aim_reached", target.reached(target.aim)).end_object();
  json.end_array().key("means").begin_array();
  const auto means = means_of(results.rows);
  for (const Mean& mean : means) {
    const Mean* const copy = find_mean(means, "memcpy", mean.kind, mean.block);
    json.begin_object().field("kind", std::string(1, static_cast<char>(mean.kind))).field("column", name_of(mean.kind)).field("block", std::uint64_t{mean.block})
        .field("codec", mean.codec).field("ratio", rounded(mean.ratio)).field("encode_gbps", rounded(mean.encode)).field("decode_gbps", rounded(mean.decode));
    if (copy != nullptr && copy->decode > 0) json.field("decode_of_memcpy", rounded(mean.decode / copy->decode));
    json.field("series_taken", std::uint64_t{mean.taken}).field("series", std::uint64_t{mean.of}).end_object();
  }
  json.end_array().key("timestamp_and_value").begin_array();
  for (const std::size_t block : results.plan.blocks)
    for (const std::string& codec : codecs_of(results))
      if (const double ratio = pair_ratio(results.rows, codec, block); ratio > 0)
        json.begin_object().field("block", std::uint64_t{block}).field("codec", codec).field("ratio", rounded(ratio)).end_object();
  json.end_array().key("lossy").begin_array();
  for (const LossyMean& mean : means_of(results.lossy)) {
    json.begin_object().field("block", std::uint64_t{mean.block}).field("bound_share_of_range", mean.bound).field("codec", mean.codec)
        .field("ratio_to_float32", rounded(mean.ratio)).field("temperatures_ratio_to_float32", rounded(mean.temperature_ratio))
        .field(mean.bound > 0 ? "largest_error_in_bounds" : "largest_error", mean.largest_error)
        .field("encode_gbps", rounded(mean.encode)).field("decode_gbps", rounded(mean.decode)).end_object();
  }
  json.end_array().key("temperatures").begin_array();
  for (const std::string& series : temperatures_of(results)) json.value(series);
  std::size_t compared = 0;
  const auto worse = worse_than_peers(results.rows, results.pcodec_file, compared);
  json.end_array().field("compared_with_peers", std::uint64_t{compared}).key("worse_than_peers").begin_array();
  for (const Worse& one : worse)
    json.begin_object().field("series", one.series).field("block", std::uint64_t{one.block}).field("bits", rounded(one.ours))
        .field("peer", one.peer).field("peer_bits", one.best).end_object();
  json.end_array().key("rows").begin_array();
  for (const Row& row : results.rows) {
    json.begin_object().field("series", row.series).field("kind", std::string(1, static_cast<char>(row.kind))).field("block", std::uint64_t{row.block})
        .field("codec", row.codec).field("samples", std::uint64_t{row.samples}).field("blocks", std::uint64_t{row.blocks})
        .field("taken", row.taken).field("unchanged", row.good);
    if (row.taken) json.field("bytes", std::uint64_t{row.bytes}).field("bits", rounded(row.bits())).field("ratio", rounded(row.ratio()));
    if (row.taken && results.plan.speeds) json.field("encode_gbps", rounded(row.encode)).field("decode_gbps", rounded(row.decode));
    json.end_object();
  }
  json.end_array().key("lossy_rows").begin_array();
  for (const LossyRow& row : results.lossy) {
    json.begin_object().field("series", row.series).field("block", std::uint64_t{row.block}).field("codec", row.codec)
        .field("bound_share_of_range", row.bound).field("bytes", std::uint64_t{row.bytes}).field("ratio_to_float32", rounded(row.ratio()));
    if (row.bound > 0) json.field("largest_error_in_bounds", row.largest_error);
    else json.field("largest_error", row.largest_error).field("largest_error_had_it_kept_the_first_value", row.error_with_first);
    json.end_object();
  }
  json.end_array().end_object();
  std::printf("%s\n", json.text().c_str());
}

}  // namespace bench
