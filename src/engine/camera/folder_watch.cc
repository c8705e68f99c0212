#include "engine/camera/folder_watch.h"

#include <algorithm>

namespace selvedge::engine {

bool is_picture_name(std::string_view name) {
  if (name.empty() || name.front() == '.') return false;
  std::string ending(name.substr(std::min(name.rfind('.'), name.size())));
  for (char& c : ending)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png" || ending == ".bmp";
}

std::vector<std::string> FolderWatch::look(std::vector<std::string> names) {
  std::erase_if(names, [](const std::string& name) { return !is_picture_name(name); });
  std::ranges::sort(names);
  std::erase_if(known_, [&](const auto& entry) { return !std::ranges::binary_search(names, entry.first); });
  const bool leave = first_ && what_ == Taken::stays;
  first_ = false;
  left_out_ = 0;
  std::vector<std::string> open;
  for (std::string& name : names) {
    auto at = known_.find(name);
    if (at == known_.end()) {
      if (known_.size() >= most) {
        ++left_out_;
        continue;
      }
      at = known_.emplace(name, Seen{0, leave}).first;
    }
    if (!at->second.taken) open.push_back(std::move(name));
  }
  return open;
}

std::vector<std::string> FolderWatch::whole(const std::vector<File>& files) {
  std::vector<std::string> names;
  for (const File& file : files) {
    const auto at = known_.find(file.name);
    if (at == known_.end() || at->second.taken) continue;
    if (file.size > 0 && at->second.size == file.size) {
      at->second.taken = true;
      names.push_back(file.name);
    }
    at->second.size = file.size;
  }
  return names;
}

void FolderWatch::put_back(const std::string& name) {
  if (const auto at = known_.find(name); at != known_.end()) at->second = {};
}

}  // namespace selvedge::engine
