// The commands of `selvedge model`, one file each: model_<verb>.cc. The table is in model_commands.cc.

#pragma once

#include "cli/command.h"

namespace selvedge::cli {

base::Result<int> import_model(const Arguments& arguments, Session& session);
base::Result<int> inspect_model(const Arguments& arguments, Session& session);
base::Result<int> quantize_model(const Arguments& arguments, Session& session);
base::Result<int> bench_model(const Arguments& arguments, Session& session);
base::Result<int> test_model(const Arguments& arguments, Session& session);
base::Result<int> push_model(const Arguments& arguments, Session& session);
base::Result<int> list_models(const Arguments& arguments, Session& session);
base::Result<int> rollback_model(const Arguments& arguments, Session& session);

}  // namespace selvedge::cli
