#include "codec/tflite/flatbuffer.h"

namespace selvedge::codec::tflite {

using base::BytesView;

void FlatFile::damaged(std::size_t at) {
  if (flaw_.empty()) flaw_ = "offset " + std::to_string(at) + " leads out of the file";
}

std::size_t FlatFile::follow(std::size_t at) {
  const std::size_t to = at + read<std::uint32_t>(at);
  if (!sound()) return 0;
  if (to > bytes_.size() - sizeof(std::uint32_t)) damaged(to);
  return sound() ? to : 0;
}

bool FlatFile::spend(std::size_t elements) {
  if (elements > elements_ && flaw_.empty()) flaw_ = "its lists have too many elements";
  if (!sound()) return false;
  elements_ -= elements;
  return true;
}

Table FlatFile::root() {
  const std::size_t at = follow(0);
  return at == 0 ? Table() : Table(this, at);
}

Table::Table(FlatFile* file, std::size_t at) : file_(file), at_(at) {
  // The table begins with the distance back to the list of its fields' places.
  const std::int64_t fields = static_cast<std::int64_t>(at) - file->read<std::int32_t>(at);
  if (fields < 0) {
    file->damaged(at);
    return;
  }
  fields_ = static_cast<std::size_t>(fields);
  fields_size_ = file->read<std::uint16_t>(fields_);
  if (fields_size_ < 4 || fields_ + fields_size_ > file->bytes().size()) {
    file->damaged(fields_);
    fields_size_ = 0;
  }
}

std::size_t Table::position(unsigned field, std::size_t size) const {
  const std::size_t entry = 4 + std::size_t{2} * field;
  if (file_ == nullptr || entry + 2 > fields_size_) return 0;
  const std::uint16_t offset = file_->read<std::uint16_t>(fields_ + entry);
  if (offset == 0) return 0;
  const std::size_t at = at_ + offset;
  if (at > file_->bytes().size() || file_->bytes().size() - at < size) {
    file_->damaged(at);
    return 0;
  }
  return at;
}

std::size_t Table::target(unsigned field) const {
  const std::size_t at = position(field, sizeof(std::uint32_t));
  return at == 0 ? 0 : file_->follow(at);
}

BytesView Table::list(unsigned field, std::size_t element) const {
  const std::size_t at = target(field);
  if (at == 0) return {};
  const std::size_t count = file_->read<std::uint32_t>(at);
  const BytesView rest = file_->bytes().subspan(at + sizeof(std::uint32_t));
  if (count > rest.size() / element) {
    file_->damaged(at);
    return {};
  }
  // Bytes are only looked at, other lists are copied.
  if (element > 1 && !file_->spend(count)) return {};
  return rest.first(count * element);
}

std::string_view Table::text(unsigned field) const { return base::as_text(list(field, 1)); }

BytesView Table::bytes(unsigned field) const { return list(field, 1); }

Table Table::table(unsigned field) const {
  const std::size_t at = target(field);
  return at == 0 ? Table() : Table(file_, at);
}

std::vector<Table> Table::tables(unsigned field) const {
  const BytesView offsets = list(field, sizeof(std::uint32_t));
  std::vector<Table> tables;
  tables.reserve(offsets.size() / sizeof(std::uint32_t));
  const std::size_t first = offsets.empty() ? 0 : static_cast<std::size_t>(offsets.data() - file_->bytes().data());
  for (std::size_t i = 0; i < offsets.size(); i += sizeof(std::uint32_t)) {
    const std::size_t at = file_->follow(first + i);
    tables.push_back(at == 0 ? Table() : Table(file_, at));
  }
  return tables;
}

}  // namespace selvedge::codec::tflite
