#include "serving/answer_json.h"

#include <cmath>

#include "base/text.h"

namespace selvedge::serving {
namespace {

// Scores and shares say nothing beyond five decimals.
double rounded(float number) { return std::round(static_cast<double>(number) * 1e5) / 1e5; }

double milliseconds(std::int64_t ns) { return std::round(static_cast<double>(ns) / 1e3) / 1e3; }

void write_label(int label, const std::string& name, float score, base::JsonWriter& json) {
  if (!name.empty()) json.field("name", name);
  json.field("label", label).field("score", rounded(score));
}

}  // namespace

void write_detection(const infer::Detection& detection, base::JsonWriter& json) {
  json.begin_object();
  write_label(detection.label, detection.name, detection.score, json);
  json.key("box").begin_array();
  for (const float side : detection.box) json.value(rounded(side));
  json.end_array().end_object();
}

void write_answer(const infer::Answer& answer, base::JsonWriter& json) {
  json.field("width", answer.width).field("height", answer.height).key("detections").begin_array();
  for (const infer::Detection& detection : answer.detections) write_detection(detection, json);
  json.end_array();
  if (!answer.ranked.empty()) {
    json.key("classes").begin_array();
    for (const infer::Ranked& one : answer.ranked) {
      json.begin_object();
      write_label(one.label, one.name, one.score, json);
      json.end_object();
    }
    json.end_array();
  }
  if (answer.mask)
    json.key("mask").begin_object()
        .field("width", answer.mask->width)
        .field("height", answer.mask->height)
        .field("labels", base::to_base64(answer.mask->labels))
        .end_object();
  json.key("milliseconds").begin_object()
      .field("decode", milliseconds(answer.timings.decode))
      .field("prepare", milliseconds(answer.timings.prepare))
      .field("infer", milliseconds(answer.timings.infer))
      .field("finish", milliseconds(answer.timings.finish))
      .end_object();
}

}  // namespace selvedge::serving
