#include "things/command.h"

#include "codec/twin/twin.h"

namespace selvedge::things {

CommandAnswer refusal(int status, std::string_view why) {
  return {status, "text/plain", base::to_bytes(why), false};
}

std::optional<CommandAnswer> refusal_of(const Command& command) {
  if (!model::is_twin_id(command.id)) return refusal(400, "there can be no twin of this name");
  if (!codec::twin::is_subject(command.subject) ||
      (!command.feature.empty() && !codec::twin::is_subject(command.feature)))
    return refusal(400, "subject and feature must be levels of an MQTT topic: at most 128 printable "
                        "characters of ASCII without '/', '+' and '#'");
  if (command.feature.empty() && command.subject == "name")
    return refusal(400, "'name' is no subject");
  if (command.content_type.size() > 128) return refusal(400, "the content type is too long");
  for (const char c : command.content_type)
    if (c < 0x20 || c == 0x7F) return refusal(400, "the content type is not printable ASCII");
  if (command.payload.size() > codec::twin::max_payload_bytes)
    return refusal(413, "the payload is larger than 128 KiB");
  if (command.deadline <= base::Duration(0) || command.deadline > command_longest)
    return refusal(400, "the time for an answer must be above 0 and at most five minutes");
  return std::nullopt;
}

}  // namespace selvedge::things
