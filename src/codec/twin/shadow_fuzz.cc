// Topics and payloads of devices. The first byte chooses.

#include "codec/twin/shadow.h"

namespace {

namespace base = selvedge::base;
namespace twin = selvedge::codec::twin;

void try_topic(std::string_view topic) {
  if (const auto found = twin::parse_shadow_topic(topic)) {
    std::string again = twin::shadow_prefix(found->device, found->feature);
    again += found->verb == twin::ShadowVerb::get      ? "/get"
             : found->verb == twin::ShadowVerb::update ? "/update"
                                                       : "/delete";
    CHECK(again == topic);
  }
  if (const auto found = twin::parse_reply_topic(topic)) {
    CHECK(found->status >= 200 && found->status <= 599);
    CHECK(topic.starts_with(twin::command_root) && !found->correlation.empty());
  }
}

// What was understood must be understood the same when its members are put together again.
void try_update(base::BytesView payload, bool whole) {
  twin::ShadowRequest request;
  if (!twin::decode_update(payload, whole, request)) return;
  CHECK(request.client_token.size() <= 64);
  for (const twin::ShadowHalf* half : {&request.reported, &request.desired}) {
    for (const auto& [name, json] : half->members) {
      const std::string text = "{\"state\":{\"desired\":{\"x\":" + json + "}}}";
      twin::ShadowRequest again;
      CHECK(twin::decode_update(base::as_bytes(text), whole, again));
      CHECK(again.desired.members.size() == 1 && again.desired.members[0].second == json);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const base::BytesView rest(data + 1, size - 1);
  switch (data[0] % 4) {
    case 0: try_topic(base::as_text(rest)); break;
    case 1: try_update(rest, true); break;
    case 2: try_update(rest, false); break;
    default: {
      twin::ShadowRequest request;
      base::ignore(twin::decode_request(rest, request), "any outcome is fine");
    }
  }
  return 0;
}
