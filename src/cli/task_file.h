// Job documents as the command line makes them: from a file (TOML, or JSON), or of the words of `task run`.
//
// What is wrong is said with the path in the document, before anything is sent. Pure but for reading the file.

#pragma once

#include <string>

#include "base/result.h"
#include "cli/command.h"
#include "model/task.h"

namespace selvedge::cli {

// "-" is standard input. JSON if it begins with '{'.
base::Result<model::Job> read_job_file(const std::string& path);
base::Result<model::Job> parse_job_text(const std::string& text, const std::string& name);
// One group "main": NAME, flags, and the command.
base::Result<model::Job> job_of(const Arguments& arguments);

}  // namespace selvedge::cli
