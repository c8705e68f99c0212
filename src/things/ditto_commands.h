// ditto_commands: what the messages of the Ditto protocol do, and the answers and events in its words.

#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "things/command.h"
#include "things/ditto_message.h"
#include "things/event_hub.h"
#include "things/http_twins.h"

namespace selvedge::things {

// Carries out one message; `done` gets the answer, or nothing if none was wanted; at once or later.
void run_ditto_command(Twins& twins, const SendCommand& send, const net::api::Caller& caller,
                       std::string_view text,
                       std::function<void(std::optional<DittoMessage>)> done);

// An answer of 400 or more to `command` (or to what was no command).
DittoMessage error_message(const DittoMessage& command, const Reply& reply);
DittoMessage event_of(const TwinNews& news);

// filter=, namespaces=, ids= of a request for events.
base::Result<Interest> interest_of(const net::http::Request& request, const Sight& sight);

}  // namespace selvedge::things
