// JsonFields: makes readings of the fields of one JSON object.
//
// The time and the name of an object's readings may stand behind its values, so the values are kept
// until the object ends. The walker enters and leaves keys; the path of keys joined by '/' is the
// name of what it finds there. Memory is reused from object to object.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/payload/number.h"
#include "codec/payload/output.h"

namespace selvedge::codec::payload {

class JsonFields {
 public:
  // Takes the options for the objects to come.
  void prepare(const Options& options);

  void begin();
  // Goes to a key or an element, and back to where enter() said we were. All views must live until
  // finish().
  base::Result<std::size_t> enter(std::string_view key);
  base::Result<std::size_t> enter(std::size_t index);
  void leave(std::size_t mark) {
    --level_;
    path_.resize(mark);
  }
  std::string_view path() const { return level_ <= 1 ? key_ : std::string_view(path_); }
  const Bounds& bounds() const { return options_->bounds; }

  base::Result<void> number(const Decimal& number);
  base::Result<void> boolean(bool value);
  base::Result<void> text(std::string_view text);
  base::Result<void> finish(Output& out);

 private:
  struct Field {
    const char* name = nullptr;  // null: in `names_`
    std::uint32_t begin = 0, size = 0;
    model::ValueView value;
  };
  // A field that may be the time because of its key.
  struct Guess {
    int rank = 0;  // 0: none; the lowest wins
    std::size_t field = 0;       // it is no reading then
    base::Time time;
  };

  bool at_time() const { return !time_path_.empty() && path() == time_path_; }
  bool is_value(std::string_view path) const;
  bool wanted() const { return options_->name_field.empty() || is_value(path()); }
  bool is_time_guess(std::size_t i) const { return guess_.rank != 0 && guess_.field == i; }
  int rank_as_time() const;
  base::Result<std::size_t> keep(const model::ValueView& value);
  void guess(int rank, std::size_t field, std::optional<base::Time> time);
  base::Result<void> take_time(std::optional<base::Time> time, std::string_view shown);
  base::Result<void> finish_named(Output& out);
  std::string where() const { return "field " + quote(path()); }
  std::string_view name_of(const Field& field) const {
    return {field.name != nullptr ? field.name : names_.data() + field.begin, field.size};
  }

  const Options* options_ = nullptr;
  std::string time_path_;          // empty: guessed
  std::string_view value_path_;    // used if name_field is set
  std::uint32_t level_ = 0;
  std::string_view key_;           // of the object itself; it lives until finish()
  std::string path_;               // below such a key
  std::string names_;              // of the kept fields below it, back to back
  std::string name_made_;
  std::vector<Field> fields_;
  std::optional<base::Time> time_;
  std::optional<std::string_view> name_;
  Guess guess_;
};

}  // namespace selvedge::codec::payload
