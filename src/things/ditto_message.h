// ditto_message: one message of the Ditto protocol, in JSON, in and out.
//
//   {"topic":"edge-1/pump/things/twin/commands/modify","headers":{"correlation-id":"7"},
//    "path":"/features/lamp/properties/on","value":true}
//
// Decoding trusts nothing: topics have their form, ids and paths are what a twin may have, values stay
// text. Pure; any thread.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/twin.h"

namespace selvedge::things {

struct DittoMessage {
  std::string node, device;            // of the topic; "_" stands for any
  std::string channel;                 // "twin" or "live"
  std::string criterion;               // "commands", "events", "errors", ..
  std::string action;                  // "modify", "created", ..
  std::map<std::string, std::string, std::less<>> headers;   // texts; other values as JSON
  std::string path = "/";
  std::string value;                   // JSON text; "" if there is none
  std::string fields;                  // of a retrieve
  std::optional<int> status;
  std::optional<std::uint64_t> revision;
  std::string timestamp;

  model::TwinId id() const { return node + ":" + device; }
  std::string_view header(std::string_view name) const;
  bool wants_response() const { return header("response-required") != "false"; }
};

// Code::invalid_input says what is wrong. `correlation_id` is set as soon as it is known, so that a
// refusal can carry it.
base::Result<DittoMessage> parse_ditto(std::string_view text, std::string& correlation_id);
std::string to_json(const DittoMessage& message);

// The deepest place where all of a merge patch lies, and what it says there: a patch of one leaf is
// an event of that leaf. `value` is into `patch`; "null" if the place was removed.
struct PatchPlace {
  std::string pointer;
  std::string_view value;
  bool whole = false;                  // the value is all there is at the place now
};
PatchPlace place_of(std::string_view patch);

}  // namespace selvedge::things
