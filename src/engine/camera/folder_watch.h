// FolderWatch: which files of a folder are pictures that are whole and have not been taken yet.
//
// Programs write into the folder while it is looked at. A file is whole when its size was the same at two looks
// in a row and is not 0; one that is renamed into place waits for its second look like any other. Names that
// begin with a dot, and those without the ending of a picture, are left alone. Files that were there at the first
// look are taken only if what is taken goes away (`removes`): otherwise each restart would take them again.
//
// Memory: the names in the folder, at most `most`; what is beyond is looked at when others have gone.
// One thread; no clock, no I/O.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace selvedge::engine {

bool is_picture_name(std::string_view name);

class FolderWatch {
 public:
  struct File {
    std::string name;
    std::uint64_t size = 0;
  };
  enum class Taken : std::uint8_t { stays, removed };
  static constexpr std::size_t most = 50'000;

  explicit FolderWatch(Taken what) : what_(what) {}

  // Of the names in the folder those whose size is to be found out. Names that are gone are forgotten.
  std::vector<std::string> look(std::vector<std::string> names);
  // Sizes as they were found; the names of what is whole, in order. They count as taken.
  std::vector<std::string> whole(const std::vector<File>& files);
  // Taken, but it could not be read: it is whole no more.
  void put_back(const std::string& name);
  // That it was not removed after all: it is not taken again.
  void keep(const std::string& name) { known_[name] = {0, true}; }

  std::uint64_t left_out() const { return left_out_; }   // names at the last look that were too many

 private:
  struct Seen {
    std::uint64_t size = 0;
    bool taken = false;
  };
  Taken what_;
  bool first_ = true;
  std::map<std::string, Seen> known_;
  std::uint64_t left_out_ = 0;
};

}  // namespace selvedge::engine
