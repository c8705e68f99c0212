// Flatbuffer: reading tables of a FlatBuffers file that anyone may have made.
//
// Nothing outside the file is ever read. The first offset, length or count that does not fit makes the
// file unsound; from then on every read gives zero, so that a reader may read everything and ask
// sound() once. Each element of a list counts against a budget: a small file whose lists all point at
// the same bytes cannot make us work for long. One thread.
//
// Source: flatbuffers.dev/internals.

#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace selvedge::codec::tflite {

class FlatFile;

// A table, or none (a field left out): of none, every field has its default.
class Table {
 public:
  Table() = default;
  Table(FlatFile* file, std::size_t at);

  explicit operator bool() const { return file_ != nullptr; }
  bool has(unsigned field) const { return position(field, 1) != 0; }

  template <typename T>
  T number(unsigned field, T otherwise = {}) const;
  std::string_view text(unsigned field) const;
  base::BytesView bytes(unsigned field) const;
  Table table(unsigned field) const;
  std::vector<Table> tables(unsigned field) const;
  template <typename T>
  std::vector<T> numbers(unsigned field) const;

 private:
  std::size_t position(unsigned field, std::size_t size) const;   // 0: left out
  std::size_t target(unsigned field) const;                        // of an offset; 0: left out
  base::BytesView list(unsigned field, std::size_t element) const;

  FlatFile* file_ = nullptr;
  std::size_t at_ = 0, fields_ = 0, fields_size_ = 0;
};

class FlatFile {
 public:
  explicit FlatFile(base::BytesView bytes, std::size_t elements = 4'000'000)
      : bytes_(bytes), elements_(elements) {}
  FlatFile(const FlatFile&) = delete;
  FlatFile& operator=(const FlatFile&) = delete;

  Table root();
  base::BytesView bytes() const { return bytes_; }
  bool sound() const { return flaw_.empty(); }
  const std::string& flaw() const { return flaw_; }     // "offset 488 leads out of the file"

  template <typename T>
  T read(std::size_t at) {
    T value{};
    if (at > bytes_.size() || bytes_.size() - at < sizeof(T)) {
      damaged(at);
    } else {
      std::memcpy(&value, bytes_.data() + at, sizeof(T));
    }
    return value;
  }
  // Where the offset stored at `at` leads; 0 if out of the file.
  std::size_t follow(std::size_t at);
  bool spend(std::size_t elements);
  void damaged(std::size_t at);

 private:
  base::BytesView bytes_;
  std::size_t elements_;
  std::string flaw_;
};

template <typename T>
T Table::number(unsigned field, T otherwise) const {
  const std::size_t at = position(field, sizeof(T));
  return at == 0 ? otherwise : file_->read<T>(at);
}

template <typename T>
std::vector<T> Table::numbers(unsigned field) const {
  const base::BytesView bytes = list(field, sizeof(T));
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

}  // namespace selvedge::codec::tflite
