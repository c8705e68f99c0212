// JournalFollower: somebody whose state follows from readings as they come, and who must have it again
// after a crash: the node's aggregates and anomalies.
//
// The journal carries what the state is made of. A message that is ended with MessageNote::at comes back
// after a restart, in its place; so does the passing of time that was noted with note_time(). At the
// beginning of each journal segment stands the state itself, so that older segments can go. What the
// follower makes of it all it stores as messages with MessageNote::derived; those come back too, so that
// it knows what it need not store again.
//
// Called on the loop thread, while the store opens (all but save()) and from within its calls (save()).

#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "model/reading.h"

namespace selvedge::store {

struct MessageNote {
  std::optional<base::Time> at;        // the follower is told of its readings, with this as the present
  bool derived = false;                // its readings are the follower's own
};

class JournalFollower {
 public:
  using FindSeries = std::function<const model::SeriesDef*(model::SeriesId)>;

  using EachSeries = std::function<void(const std::function<bool(const model::SeriesDef&)>& visit)>;

  virtual ~JournalFollower() = default;
  // First of all; both may be used as long as the store lives.
  virtual void begin(FindSeries find, EachSeries each) = 0;
  virtual void reading(const model::SeriesDef& series, base::Time time, const model::ValueView& value,
                       base::Time at) = 0;
  virtual void derived(const model::SeriesDef& series, base::Time time, const model::ValueView& value) = 0;
  virtual void time_passed(base::Time now) = 0;

  // The state in parts, each below 8 MiB; restore() gets them in the same order.
  virtual std::vector<base::Bytes> save() = 0;
  virtual void restore(base::BytesView part) = 0;
};

}  // namespace selvedge::store
