#include "node/task_lines.h"

#include <algorithm>
#include <memory>

#include "base/json.h"
#include "base/text.h"
#include "codec/payload/payload.h"
#include "engine/rules/topic_map.h"

namespace selvedge::node {

using base::Code;
using base::Result;

void LineSplitter::feed(base::BytesView bytes, const Line& line) {
  std::string_view rest = base::as_text(bytes);
  for (;;) {
    const std::size_t end = rest.find('\n');
    const std::string_view piece = rest.substr(0, end);
    const std::size_t room = most - part_.size();
    if (piece.size() > room) {
      part_ += piece.substr(0, room);
      line(std::exchange(part_, {}));
      rest.remove_prefix(room);
      continue;
    }
    part_ += piece;
    if (end == rest.npos) return;
    if (part_.ends_with('\r')) part_.pop_back();
    line(std::exchange(part_, {}));
    rest.remove_prefix(end + 1);
  }
}

void LineSplitter::end(const Line& line) {
  if (!part_.empty()) line(std::exchange(part_, {}));
}

std::string reading_line(std::string_view series, base::Time time, const model::ValueView& value) {
  base::JsonWriter json;
  json.begin_object().field("series", series).field("time", base::to_iso8601(time)).key("value");
  switch (value.kind) {
    case model::Kind::float64: json.value(value.float64); break;
    case model::Kind::int64: json.value(value.int64); break;
    case model::Kind::boolean: json.value(value.boolean); break;
    case model::Kind::text: json.value(value.text); break;
  }
  return json.end_object().take() + "\n";
}

std::string message_line(std::string_view topic, base::Time time, base::BytesView payload) {
  base::JsonWriter json;
  json.begin_object().field("topic", topic).field("time", base::to_iso8601(time));
  const std::string_view text = base::as_text(payload);
  if (base::is_utf8(text)) json.field("payload", text);
  else json.field("payload_base64", base::to_base64(payload));
  return json.end_object().take() + "\n";
}

Result<std::optional<LineReadings>> readings_of_line(std::string_view line, std::string_view output, base::Time now) {
  const std::size_t first = line.find_first_not_of(" \t");
  if (first == line.npos) return std::nullopt;
  line = line.substr(first, line.find_last_not_of(" \t") + 1 - first);
  codec::payload::Options options;
  if (line.front() == '{' || line.front() == '[') {
    options.format = codec::payload::Format::json;
    const auto names = [line](std::string_view key) { return line.find(key) != line.npos; };
    options.text_values = names("\"value\"");
    if (options.text_values) options.name_field = names("\"series\"") ? "series" : names("\"name\"") ? "name" : "";
  } else if (base::parse_double(line)) {
    options.format = codec::payload::Format::number;
  } else {
    return std::nullopt;
  }
  LineReadings found;
  std::optional<base::Error> trouble;
  const auto take = [&](const codec::payload::Found& one) {
    std::string name(output);
    if (!one.name.empty() && one.name != "value") name.append("/").append(one.name);
    if (name.size() > engine::most_series_name_bytes) trouble = base::Error{Code::invalid_input, "a name is too long"};
    model::ValueView value = one.value;
    if (value.kind == model::Kind::text)
      value.text = *found.texts.emplace_back(std::make_unique<std::string>(value.text));
    found.readings.push_back({std::move(name), one.time.value_or(now), value});
  };
  TRY(codec::payload::decode(base::as_bytes(line), options, now, take));
  if (trouble) return std::unexpected(std::move(*trouble));
  if (found.readings.empty()) return std::nullopt;
  return found;
}

}  // namespace selvedge::node
