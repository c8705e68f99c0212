// Small text files by path, as people and settings name them: "ca.pem", "../keys/keys.json", "/etc/x".

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "os/world.h"

namespace selvedge::os {

// The folder and the name in it; "." and "/" where the path says no more.
std::pair<std::string, std::string> split_path(std::string_view path);

// From the root on, by where this program runs.
std::string absolute_path(std::string_view path);

// Errors name the path. Code::exhausted if the file is larger than `limit`.
base::Result<std::string> read_text(World& world, std::string_view path, std::uint64_t limit);

// As write_file(); the folder must be there unless `folder` says that it is made.
enum class Folder : std::uint8_t { existing, made };
base::Result<void> write_text(World& world, std::string_view path, std::string_view text,
                              Open how = Open::create, Folder folder = Folder::existing);

}  // namespace selvedge::os
