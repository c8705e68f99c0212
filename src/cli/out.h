// Out: what a command prints: a table for people, JSON for programs.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace selvedge::cli {

class Out {
 public:
  explicit Out(bool json) : json_(json) {}

  bool json() const { return json_; }
  // Rows under a header, columns aligned; numbers to the right.
  void table(const std::vector<std::string>& header,
             const std::vector<std::vector<std::string>>& rows);
  void line(std::string_view text);         // seen at once, also in a pipe
  void note(std::string_view text);         // to standard error
  // A whole JSON document.
  void document(std::string_view json);
  // Progress on standard error, rewritten in place on a terminal; nothing elsewhere.
  void progress(std::string_view text);
  void progress_done();

 private:
  bool json_;
  bool progress_shown_ = false;
};

}  // namespace selvedge::cli
