#include "base/json.h"
#include "base/version.h"
#include "cli/commands.h"

namespace selvedge::cli {

std::vector<Command> own_commands() {
  return {
      {"completion", "bash", "", 0, 0, "Print the completion script for bash.", {},
       {"source <(selvedge completion bash)"}, {},
       [](const Arguments&, Session& session) -> base::Result<int> {
         session.out.line(bash_completion());
         return 0;
       }},
      {"version", "", "", 0, 0, "Print the version.", {}, {"selvedge version"}, {},
       [](const Arguments&, Session& session) -> base::Result<int> {
         base::JsonWriter json;
         json.begin_object().field("version", base::version).end_object();
         if (session.out.json()) session.out.document(json.text());
         else session.out.line("selvedge " + std::string(base::version));
         return 0;
       }},
  };
}

}  // namespace selvedge::cli
