// Payload: what a device sent, as readings. One decoder a format, one way out.
//
// A decoder calls `sink` for each reading it finds, with a name relative to the topic or endpoint
// (empty if the payload is the value itself), and stops at the first thing it cannot take: the
// error says what and where, and the whole message is then bad (nothing of it is stored; it goes to
// the dead letters). Views passed to the sink are valid during the call.
//
// Bounds: readings a message, nesting depth, name and text lengths (Bounds). Pure; any thread.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "model/reading.h"

namespace selvedge::codec::payload {

enum class Format : std::uint8_t {
  detect,         // by the first byte: { or [ JSON (SenML if it has its keys), else number, line protocol
  number,         // "23.5", "true", or text if `text_values`
  json,           // object: each numeric, boolean (and text, if asked) field; array: of objects
  ndjson,         // one JSON object a line
  senml_json,     // RFC 8428
  senml_cbor,
  line_protocol,  // InfluxDB: measurement,tag=v field=1,other=2i 1700000000000000000
};

base::Result<Format> parse_format(std::string_view name);
std::string_view name(Format format);

struct Bounds {
  std::uint32_t readings = 100'000;
  std::uint32_t depth = 16;             // of JSON and CBOR; never more than 64
  std::uint32_t elements = 1024;        // of an array inside a JSON object
  std::uint32_t name_bytes = 512;
  std::uint32_t text_bytes = 4096;
};

struct Options {
  Format format = Format::detect;
  // JSON: pointer (RFC 6901) or plain key of the time field; "" looks for "ts", "time",
  // "timestamp", "t" and takes arrival time if there is none.
  std::string time_field;
  // JSON: plain key whose text names the series ("name": {"name":"temp","value":3}); "" for none.
  std::string name_field;
  std::string value_field;               // with name_field: the key of the value, default "value"
  // Unit of numeric times in the payload; auto tells it by size (base::from_unix).
  enum class TimeUnit : std::uint8_t { automatic, s, ms, us, ns } time_unit = TimeUnit::automatic;
  bool text_values = false;              // keep text fields as text series, else ignore them
  Bounds bounds;
};

struct Found {
  std::string_view name;                 // "" or a relative series name, parts joined with '/'
  std::optional<base::Time> time;        // from the payload
  model::ValueView value;
};

// Returns how many readings were passed on.
base::Result<std::size_t> decode(base::BytesView payload, const Options& options,
                                 base::Time arrival,
                                 const std::function<void(const Found&)>& sink);

}  // namespace selvedge::codec::payload
