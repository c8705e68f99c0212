// EventReader: server-sent events out of bytes (WHATWG HTML, 9.2.6). Fed bytes as they arrive, cut
// anywhere; comments are passed over. Bounds: bytes of one event. Pure.

#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::cli {

struct ServerEvent {
  std::string name;                    // "" for a plain message
  std::string data;
  std::string id;                      // the last that was given, perhaps by an earlier event
};

class EventReader {
 public:
  explicit EventReader(std::size_t event_bytes = 4 << 20) : event_bytes_(event_bytes) {}

  // Calls `told` for each event that is complete. Code::exhausted: one is larger than may be.
  base::Result<void> read(base::BytesView bytes, const std::function<void(const ServerEvent&)>& told);
  const std::string& last_id() const { return last_id_; }
  // What was begun is forgotten; the connection was lost. The last id stays.
  void begin_again();

 private:
  void take_line(std::string_view line, const std::function<void(const ServerEvent&)>& told);

  std::size_t event_bytes_;
  std::string line_;
  bool after_return_ = false;          // the last byte was a CR, whose LF may follow
  bool has_data_ = false;
  std::string name_, data_, last_id_;
};

}  // namespace selvedge::cli
