// http_message: live commands to devices: the answer is the device's own.

#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "things/command.h"
#include "things/http_path.h"
#include "things/http_twins.h"

namespace selvedge::things {

struct MessageRequest {
  TwinPath path;                       // Kind::message
  std::string content_type;
  base::Bytes payload;
  base::Duration timeout{};            // 0: nobody waits for the answer
};

// "10", "10s", "500ms"; "" is 10 s. Code::invalid_input: none, or longer than command_longest.
base::Result<base::Duration> message_timeout(std::string_view text);

// `done` gets the device's status, type and payload; or 403, 404, 408, 429 and why.
void send_message(Twins& twins, const SendCommand& send, const net::api::Caller& caller,
                  MessageRequest request, std::function<void(Reply)> done);

}  // namespace selvedge::things
