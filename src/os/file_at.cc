#include "os/file_at.h"

#include <filesystem>

namespace selvedge::os {

std::pair<std::string, std::string> split_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos) return {".", std::string(path)};
  return {std::string(slash == 0 ? "/" : path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

std::string absolute_path(std::string_view path) {
  std::error_code why;
  const auto absolute = std::filesystem::absolute(path, why);
  return why ? std::string(path) : absolute.lexically_normal().string();
}

base::Result<std::string> read_text(World& world, std::string_view path, std::uint64_t limit) {
  const auto [folder, name] = split_path(path);
  const std::string step = "read " + std::string(path);
  auto dir = TRY(base::while_doing(step, world.directory(folder, false)));
  const base::Bytes bytes = TRY(base::while_doing(step, read_file(*dir, name, limit)));
  return std::string(base::as_text(bytes));
}

base::Result<void> write_text(World& world, std::string_view path, std::string_view text, Open how,
                              Folder folder) {
  const auto [where, name] = split_path(path);
  const std::string step = "write " + std::string(path);
  auto dir = TRY(base::while_doing(step, world.directory(where, folder == Folder::made)));
  return base::while_doing(step, write_file(*dir, name, base::as_bytes(text), how));
}

}  // namespace selvedge::os
