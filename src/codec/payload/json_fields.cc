#include "codec/payload/json_fields.h"

#include <charconv>

#include "codec/payload/moment.h"

namespace selvedge::codec::payload {
namespace {

using base::Code;
using base::fail;

// Below this a number under a key like "t" is no moment (1e8 seconds is March 1973), but a
// temperature or an uptime.
constexpr double least_guessed_time = 1e8;

// RFC 6901: "/a~1b/c" names key "a/b", then "c". As our paths join keys by '/', so does this.
std::string path_of_pointer(std::string_view pointer) {
  std::string path;
  for (std::size_t i = 1; i < pointer.size(); ++i) {
    const char next = i + 1 < pointer.size() ? pointer[i + 1] : ' ';
    const bool escape = pointer[i] == '~' && (next == '0' || next == '1');
    path += escape ? (next == '0' ? '~' : '/') : pointer[i];
    i += escape;
  }
  return path;
}

// With a size known to the compiler, which then needs no call.
template <std::size_t size>
bool same(std::string_view text, const char* other) {
  return std::memcmp(text.data(), other, size) == 0;
}

double as_double(const model::ValueView& value) {
  return value.kind == model::Kind::int64 ? static_cast<double>(value.int64) : value.float64;
}

// Of the names of one object's fields together: a long key above many small fields must not take
// much more memory than the message did.
constexpr std::size_t most_name_bytes = 4 << 20;

}  // namespace

void JsonFields::prepare(const Options& options) {
  options_ = &options;
  if (options.time_field.starts_with('/')) {
    time_path_ = path_of_pointer(options.time_field);
  } else {
    time_path_ = options.time_field;
  }
  value_path_ = options.value_field.empty() ? std::string_view("value") : options.value_field;
}

void JsonFields::begin() {
  level_ = 0;
  key_ = {};
  path_.clear();
  names_.clear();
  fields_.clear();
  time_.reset();
  name_.reset();
  guess_ = {};
}

base::Result<std::size_t> JsonFields::enter(std::string_view key) {
  const std::size_t mark = path_.size();
  const std::string_view above = path();
  if (above.size() + (level_ > 0) + key.size() > options_->bounds.name_bytes) {
    const std::string slash = level_ > 0 ? "/" : "";
    return fail(Code::invalid_input,
                "field " + quote(std::string(above) + slash + std::string(key.substr(0, 64))) +
                    ": name longer than " + std::to_string(options_->bounds.name_bytes) + " bytes");
  }
  if (++level_ == 1) {
    key_ = key;
    return mark;
  }
  if (level_ == 2) path_ = key_;
  path_ += '/';
  path_ += key;
  return level_ == 2 ? 0 : mark;
}

base::Result<std::size_t> JsonFields::enter(std::size_t index) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, index).ptr;
  return enter(std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

// With a name field only the value field counts, and what lies below it.
bool JsonFields::is_value(std::string_view path) const {
  return path.starts_with(value_path_) &&
         (path.size() == value_path_.size() || path[value_path_.size()] == '/');
}

// 1 for the most likely key of a time; 0 for other keys.
int JsonFields::rank_as_time() const {
  if (!time_path_.empty()) return 0;
  if (level_ != 1) return 0;
  int rank = 0;
  switch (key_.size()) {
    case 1: rank = same<1>(key_, "t") ? 4 : 0; break;
    case 2: rank = same<2>(key_, "ts") ? 1 : 0; break;
    case 4: rank = same<4>(key_, "time") ? 2 : 0; break;
    case 9: rank = same<9>(key_, "timestamp") ? 3 : 0; break;
    default: break;
  }
  return rank != 0 && !options_->name_field.empty() && is_value(key_) ? 0 : rank;
}

base::Result<std::size_t> JsonFields::keep(const model::ValueView& value) {
  const std::string_view name = path();
  if (level_ > 1 && names_.size() + name.size() > most_name_bytes)
    return fail(Code::invalid_input, where() + ": too many long names in one object");
  Field& field = fields_.emplace_back();
  field.name = level_ > 1 ? nullptr : name.data();
  field.begin = static_cast<std::uint32_t>(names_.size());
  field.size = static_cast<std::uint32_t>(name.size());
  copy_parts(field.value, value);
  if (level_ > 1) names_ += name;
  return fields_.size() - 1;
}

void JsonFields::guess(int rank, std::size_t field, std::optional<base::Time> time) {
  if (!time || (guess_.rank != 0 && guess_.rank <= rank)) return;
  guess_ = {rank, field, *time};
}

base::Result<void> JsonFields::take_time(std::optional<base::Time> time, std::string_view shown) {
  if (time_) return fail(Code::invalid_input, where() + ": the time stands there twice");
  if (!time)
    return fail(Code::invalid_input, where() + ": " + quote(shown) + " is not a time we can hold");
  time_ = time;
  return {};
}

base::Result<void> JsonFields::number(const Decimal& number) {
  if (at_time()) return take_time(to_time(number, options_->time_unit), number.text);
  const int rank = rank_as_time();
  if (rank == 0 && !wanted()) return {};
  const auto value = to_value(number);
  if (!value)
    return fail(Code::invalid_input, where() + ": " + quote(number.text) + " is too large a number");
  const std::size_t field = TRY(keep(*value));
  if (rank != 0 && as_double(*value) >= least_guessed_time)
    guess(rank, field, to_time(number, options_->time_unit));
  return {};
}

base::Result<void> JsonFields::boolean(bool value) {
  if (at_time()) return take_time(std::nullopt, value ? "true" : "false");
  if (wanted()) TRY(keep(model::ValueView::of(value)));
  return {};
}

base::Result<void> JsonFields::text(std::string_view text) {
  if (at_time()) return take_time(to_time(text, options_->time_unit), text);
  if (!options_->name_field.empty() && level_ == 1 && key_ == options_->name_field) {
    if (name_) return fail(Code::invalid_input, where() + ": the name stands there twice");
    name_ = text;
    return {};
  }
  const int rank = rank_as_time();
  if (rank == 0 && (!options_->text_values || !wanted())) return {};
  const std::size_t field = TRY(keep(model::ValueView::of(text)));
  if (rank != 0) guess(rank, field, to_time(text, options_->time_unit));
  return {};
}

base::Result<void> JsonFields::finish(Output& out) {
  if (guess_.rank != 0) time_ = guess_.time;
  if (!options_->name_field.empty()) return finish_named(out);
  for (std::size_t i = 0; i < fields_.size(); ++i)
    if (!is_time_guess(i)) TRY(out.put(name_of(fields_[i]), time_, fields_[i].value));
  return {};
}

base::Result<void> JsonFields::finish_named(Output& out) {
  if (!name_)
    return fail(Code::invalid_input, "no text in the name field " + quote(options_->name_field));
  for (const Field& field : fields_) {
    const std::string_view path = name_of(field);
    if (!is_value(path)) continue;  // kept because it might have been the time
    if (path.size() == value_path_.size()) {
      TRY(out.put(*name_, time_, field.value));
      continue;
    }
    name_made_.assign(*name_).append(path.substr(value_path_.size()));
    TRY(out.put(name_made_, time_, field.value));
  }
  return {};
}

}  // namespace selvedge::codec::payload
