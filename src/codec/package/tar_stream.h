// TarStream: a tar that comes in pieces, told entry by entry. Nothing of a file's content is kept.
//
// Takes POSIX ustar with pax headers (path, linkpath, size) and GNU long names. Names are told as they stand in the archive:
// whoever makes files of them checks them. Bounded: entries by TarLimits, names by most_name. Bytes from anyone; pure.
//
// Source: IEEE Std 1003.1 (pax); GNU tar manual, "Basic Tar Format".

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::codec {

struct TarLimits {
  std::size_t entries = 10'000;
};

struct TarEntry {
  enum class Kind : std::uint8_t { file, folder, symbolic_link, hard_link, device, pipe } kind = Kind::file;
  std::string name, target;                        // target: of links
  std::uint32_t mode = 0;
  std::uint64_t size = 0;                          // of a file
};
std::string_view name_of(TarEntry::Kind kind);     // "a symbolic link"

class TarSink {
 public:
  virtual ~TarSink() = default;
  // Then, of a file, its content in pieces, and always end_entry(). An error ends it all.
  virtual base::Result<void> entry(const TarEntry& entry) = 0;
  virtual base::Result<void> content(base::BytesView bytes) = 0;
  virtual base::Result<void> end_entry() = 0;
};

class TarStream {
 public:
  static constexpr std::size_t block = 512, most_name = 4'096, most_header = 64 << 10;

  TarStream(TarSink& sink, TarLimits limits) : sink_(sink), limits_(limits) {}

  // Code::corrupt: no tar. Code::exhausted: too many entries. Else as the sink says.
  base::Result<void> feed(base::BytesView bytes);
  // The rest of the entry that was told last is not fed: the next bytes are those behind it, this many further on.
  base::Result<std::uint64_t> skip();
  base::Result<void> end() const;                  // no more comes

 private:
  enum class Expects : std::uint8_t { header, content, long_header, nothing } expects_ = Expects::header;

  base::Result<void> take_header(base::BytesView header);
  base::Result<void> begin_entry(TarEntry entry);
  base::Result<void> end_content();
  base::Result<void> take_pax();

  TarSink& sink_;
  TarLimits limits_;
  base::Bytes part_;                               // of a header, or of a long one
  std::uint64_t left_ = 0, padding_ = 0;           // of the content
  char long_type_ = 0;
  std::string path_, target_;                      // from headers before the entry
  std::optional<std::uint64_t> size_;
  std::size_t entries_ = 0;
};

}  // namespace selvedge::codec
