// The directories and files of the real machine.

#pragma once

#include <memory>
#include <string_view>

#include "os/files.h"

namespace selvedge::os {

// A directory by path. If `create`, it is made (mode 0700) with its parents (mode 0755).
base::Result<std::unique_ptr<Dir>> open_directory(std::string_view path, bool create);

}  // namespace selvedge::os
