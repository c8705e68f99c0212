// WindowSet: the windows of one answer, collected step by step in any order.
//
// A step without anything in it takes no memory. Bounds: `rows` of the range, at most a million, and
// `sketch_bytes`; beyond, Code::invalid_input and Code::exhausted. Belongs to one thread. Private to
// engine/query.

#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/query/window_grid.h"
#include "engine/query/window_part.h"

namespace selvedge::engine {

class WindowSet {
 public:
  explicit WindowSet(const QueryRange& range);

  const WindowNeeds& needs() const { return needs_; }
  bool is_one_step(std::int64_t first, std::int64_t last) const {
    return grid_.index(first) == grid_.index(last);
  }

  // A block in one step; `values` if needs() ask for what the header does not say.
  base::Result<void> add_header(const model::BlockSummary& summary, std::span<const double> values);
  // Readings in time order, all in the range. Without values only their number counts.
  base::Result<void> add(std::span<const std::int64_t> times, std::span<const double> values);
  // `value` is held in [from, to).
  base::Result<void> hold(std::int64_t from, std::int64_t to, double value);
  base::Result<void> increase(std::int64_t time, double by);

  // In order of time. Once.
  base::Result<std::vector<WindowRow>> rows();

 private:
  base::Result<WindowPart*> part(std::uint64_t index);
  base::Result<void> grow_sketches(const WindowPart& part, std::size_t before);
  WindowRow row(std::uint64_t index, const WindowPart& part) const;
  bool comes_out(const WindowPart& part) const;
  base::Result<void> slide(std::vector<std::pair<std::uint64_t, WindowPart>>& steps,
                           std::vector<WindowRow>& rows) const;

  const QueryRange& range_;
  WindowNeeds needs_;
  WindowGrid grid_;
  std::uint64_t overlap_;                // steps in a window
  std::uint64_t most_;                   // windows
  std::size_t sketch_bytes_ = 0;
  std::unordered_map<std::uint64_t, WindowPart> parts_;
};

}  // namespace selvedge::engine
