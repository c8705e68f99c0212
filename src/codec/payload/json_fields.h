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
  // Goes to a key or an element, and back to where enter() said we were.
  base::Result<std::size_t> enter(std::string_view key);
  base::Result<std::size_t> enter(std::size_t index);
  void leave(std::size_t mark) { path_.resize(mark); }
  std::string_view path() const { return path_; }
  const Bounds& bounds() const { return options_->bounds; }

  // Views must live until finish().
  base::Result<void> number(const Decimal& number);
  base::Result<void> boolean(bool value);
  base::Result<void> text(std::string_view text);
  base::Result<void> finish(Output& out);

 private:
  struct Field {
    std::uint32_t name_begin, name_size;
    model::ValueView value;
  };
  // A field that may be the time because of its key.
  struct Guess {
    int rank = 0;  // 0: none; the lowest wins
    std::size_t field = 0;
    base::Time time;
  };

  bool at_time() const { return !time_path_.empty() && path_ == time_path_; }
  bool is_value(std::string_view path) const;
  bool wanted() const { return options_->name_field.empty() || is_value(path_); }
  int rank_as_time() const;
  base::Result<std::size_t> keep(const model::ValueView& value);
  void guess(int rank, std::size_t field, std::optional<base::Time> time);
  base::Result<void> take_time(std::optional<base::Time> time, std::string_view shown);
  base::Result<void> finish_named(Output& out);
  std::string where() const { return "field " + quote(path_); }
  std::string_view name_of(const Field& field) const {
    return std::string_view(names_).substr(field.name_begin, field.name_size);
  }

  const Options* options_ = nullptr;
  std::string time_path_;          // empty: guessed
  std::string_view value_path_;    // used if name_field is set
  std::string path_;
  std::string names_;              // of the kept fields, back to back
  std::vector<Field> fields_;
  std::optional<base::Time> time_;
  std::optional<std::string_view> name_;
  Guess guess_;
};

}  // namespace selvedge::codec::payload
