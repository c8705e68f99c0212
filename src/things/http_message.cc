#include "things/http_message.h"

#include "base/text.h"
#include "things/http_access.h"

namespace selvedge::things {

namespace {

using base::Code;
using base::Result;

std::string_view error_of(int status) {
  switch (status) {
    case 404: return "messages:target.notfound";
    case 408: return "messages:timeout";
    case 413: return "messages:payload.toolarge";
    case 429: return "messages:toomanyrequests";
    default: return "messages:failed";
  }
}

Reply reply_of(CommandAnswer answer) {
  if (!answer.from_device)
    return refused(answer.status, error_of(answer.status), std::string(base::as_text(answer.payload)));
  Reply reply;
  // What is no status of an answer would not get through HTTP.
  reply.status = answer.status >= 200 && answer.status <= 599 ? answer.status : 502;
  reply.body = base::as_text(answer.payload);
  reply.content_type = answer.content_type.empty() ? "application/json" : answer.content_type;
  return reply;
}

}  // namespace

Result<base::Duration> message_timeout(std::string_view text) {
  if (text.empty()) return std::chrono::seconds(10);
  const auto seconds = base::parse_int(text);
  if (seconds && (*seconds < 0 || *seconds > 86'400))
    return base::fail(Code::invalid_input, "timeout: expected up to 5m");
  const base::Duration timeout =
      seconds ? std::chrono::seconds(*seconds)
              : TRY(base::while_doing("timeout", base::parse_duration(text)));
  if (timeout < base::Duration::zero() || timeout > command_longest)
    return base::fail(Code::invalid_input, "timeout: expected up to 5m");
  return timeout;
}

void send_message(Twins& twins, const SendCommand& send, const net::api::Caller& caller,
                  MessageRequest request, std::function<void(Reply)> done) {
  const model::TwinId id = request.path.id;
  if (!may_command(caller, id)) return done(not_allowed(caller, "send commands to the device", id));
  if (!send)
    return done(refused(404, "messages:target.notfound", "no way leads from here to '" + id + "'"));
  Command command{id,
                  request.path.feature,
                  request.path.subject,
                  std::move(request.content_type),
                  std::move(request.payload),
                  request.timeout};
  std::string said(base::as_text(command.payload).substr(0, 4096));
  twins.note(caller, {"twin.message",
                      id + (command.feature.empty() ? "" : "/features/" + command.feature) + " " +
                          base::printable(command.subject),
                      "", base::is_utf8(said) ? std::move(said) : base::printable(said)});
  if (request.timeout == base::Duration::zero()) {
    command.deadline = std::chrono::seconds(10);
    send(std::move(command), [](CommandAnswer) {});
    Reply reply;
    reply.status = 202;
    return done(std::move(reply));
  }
  send(std::move(command),
       [done = std::move(done)](CommandAnswer answer) { done(reply_of(std::move(answer))); });
}

}  // namespace selvedge::things
