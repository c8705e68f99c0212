// Payload: what a device sent, as readings. One decoder a format, one way out.
//
// A decoder calls `sink` for each reading it finds, with a name relative to the topic or endpoint
// (empty if the payload is the value itself), and stops at the first thing it cannot take: the
// error says what and where, and the whole message is then bad (nothing of it is stored; it goes to
// the dead letters). Views passed to the sink are valid during the call; the sink must not decode.
//
// Numbers are rounded correctly and finite: NaN and infinities are refused in every format. A number
// in JSON, SenML or alone is a float64, so that a series does not change its kind between 21 and
// 21.5; only an integer beyond 2^53 that fits is an int64. Names hold no control characters; names
// and texts are UTF-8. A byte order mark in front and "\r\n" are taken. A JSON key that stands twice
// makes two readings; null makes none. An empty payload, detected, is no reading and no error.
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
  detect,         // by a look at it: JSON (SenML if it has its keys, NDJSON if it is on lines), CBOR,
                  // line protocol, number; else a text
  number,         // "23.5", "true", or text if `text_values`
  json,           // object: each numeric, boolean (and text, if asked) field; array: of objects.
                  // Nested objects and arrays are flattened: "a/b", "a/0"
  ndjson,         // one JSON object a line
  senml_json,     // RFC 8428; codec/payload/senml.h has the rules
  senml_cbor,
  line_protocol,  // InfluxDB: measurement,tag=v field=1,other=2i 1700000000000000000
};

// As in configuration: "detect", "senml-json", "line-protocol".
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
  // JSON: pointer (RFC 6901, into each object) or plain key of the time field. "" looks for "ts",
  // "time", "timestamp", "t", in this order; a number below 1e8 there is a reading and no time. If
  // there is none, the reading has that of the arrival.
  std::string time_field;
  // JSON: plain key whose text names the series ("name": {"name":"temp","value":3}); "" for none.
  // Only the value field makes readings then.
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
