#include "cli/event_reader.h"

namespace selvedge::cli {

base::Result<void> EventReader::read(base::BytesView bytes,
                                     const std::function<void(const ServerEvent&)>& told) {
  for (const char c : base::as_text(bytes)) {
    const bool second = std::exchange(after_return_, c == '\r') && c == '\n';
    if (second) continue;
    if (c == '\n' || c == '\r') {
      const std::string line = std::exchange(line_, {});
      take_line(line, told);
      continue;
    }
    if (line_.size() + data_.size() >= event_bytes_)
      return base::fail(base::Code::exhausted, "read events: one is larger than " +
                                                   std::to_string(event_bytes_) + " bytes");
    line_ += c;
  }
  return {};
}

void EventReader::begin_again() {
  line_.clear();
  name_.clear();
  data_.clear();
  has_data_ = after_return_ = false;
}

void EventReader::take_line(std::string_view line,
                            const std::function<void(const ServerEvent&)>& told) {
  if (line.empty()) {
    ServerEvent event{std::exchange(name_, {}), std::exchange(data_, {}), last_id_};
    if (std::exchange(has_data_, false)) told(event);
    return;
  }
  const std::size_t colon = std::min(line.find(':'), line.size());
  const std::string_view field = line.substr(0, colon);
  std::string_view value = line.substr(std::min(colon + 1, line.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") {
    name_ = value;
  } else if (field == "data") {
    if (has_data_) data_ += '\n';
    has_data_ = true;
    data_ += value;
  } else if (field == "id" && !value.contains('\0')) {
    last_id_ = value;
  }
}

}  // namespace selvedge::cli
