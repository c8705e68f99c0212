// What goes into a task and comes out of it, as lines: docs/spec/task.md, section 5. Pure, but for LineSplitter's state.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "model/reading.h"
#include "node/ingest.h"

namespace selvedge::node {

// Lines of a stream that comes in pieces; one longer than `most` is cut there, and the rest of it is another.
class LineSplitter {
 public:
  static constexpr std::size_t most = 64 << 10;
  using Line = std::function<void(std::string_view)>;
  void feed(base::BytesView bytes, const Line& line);
  void end(const Line& line);                      // what has no end of line

 private:
  std::string part_;
};

// {"series":"plant/7","time":"...","value":21.5}, with its end of line.
std::string reading_line(std::string_view series, base::Time time, const model::ValueView& value);
// {"topic":"plant/7","time":"...","payload":"..."}; "payload_base64" if it is not UTF-8.
std::string message_line(std::string_view topic, base::Time time, base::BytesView payload);

// The readings of a line, named below `output`; `texts` holds what their values are views of. None: it is no reading,
// but something for the log. An error: it looks like one, and cannot be taken.
struct LineReadings {
  std::vector<NamedReading> readings;
  std::vector<std::unique_ptr<std::string>> texts;
};
base::Result<std::optional<LineReadings>> readings_of_line(std::string_view line, std::string_view output, base::Time now);

}  // namespace selvedge::node
