#include "things/wot_description.h"

#include <map>

#include "base/json.h"
#include "base/time.h"
#include "things/http_json.h"
#include "things/http_path.h"
#include "base/json_pointer.h"

namespace selvedge::things {

namespace {

using base::JsonWriter;
using model::TwinPart;

constexpr std::string_view context = "https://www.w3.org/2022/wot/td/v1.1";

// One affordance: everything below "/features/F/properties/p" or "/attributes/a".
struct Property {
  bool reported = false, wished = false, attribute = false;
  std::string leaf;                    // its value, if it is one leaf: JSON text
  bool object = false;                 // it has members
};

// Cuts the first step off; what is left begins with '/' or is empty.
std::string_view step_of(std::string_view& path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view step = path.substr(0, end);
  path.remove_prefix(end);
  return step;
}

// By its pointer from the root, the reported or attribute one.
std::map<std::string, Property> properties_of(const engine::Twin& twin) {
  std::map<std::string, Property> properties;
  twin.each([&](TwinPart part, std::string_view path, std::string_view value, model::Stamp) {
    if (part == TwinPart::about) return;
    std::string pointer = "/attributes/";
    if (part != TwinPart::attributes)
      pointer = "/features/" + std::string(step_of(path)) + "/properties/";
    const std::string_view name = step_of(path);
    if (name.empty() || name == "~") return;   // a feature or the attributes without anything in it
    Property& property = properties[pointer + std::string(name)];
    property.attribute |= part == TwinPart::attributes;
    property.reported |= part == TwinPart::reported;
    property.wished |= part == TwinPart::desired;
    if (!path.empty() || value.starts_with('{')) property.object = true;
    else if (property.leaf.empty() || part != TwinPart::desired) property.leaf = value;
  });
  return properties;
}

std::string_view json_type(const Property& property) {
  if (property.object || property.leaf.empty()) return "object";
  const char c = property.leaf.front();
  if (c == '"') return "string";
  if (c == '[') return "array";
  if (c == 't' || c == 'f') return "boolean";
  if (c == 'n') return "null";
  return property.leaf.find_first_of(".eE") == std::string::npos ? "integer" : "number";
}

void form(JsonWriter& json, std::string_view href, std::string_view op, std::string_view method = {}) {
  const bool events = op.starts_with("observe");
  json.begin_object().field("href", href).field("op", op);
  json.field("contentType", events ? "text/event-stream" : "application/json");
  if (events) json.field("subprotocol", "sse");
  if (!method.empty()) json.field("htv:methodName", method);
  json.end_object();
}

void security(JsonWriter& json) {
  json.key("securityDefinitions").begin_object();
  json.key("token").begin_object().field("scheme", "bearer").field("in", "header")
      .field("format", "opaque").end_object();
  // A certificate in TLS, or a caller on the machine itself: nothing that a request would carry.
  json.key("transport").begin_object().field("scheme", "auto").end_object();
  json.key("either").begin_object().field("scheme", "combo").key("oneOf").begin_array()
      .value("token").value("transport").end_array().end_object();
  json.end_object().field("security", "either");
}

void write_property(JsonWriter& json, std::string_view id, const std::string& pointer,
                    const Property& property) {
  const std::string at = "/api/2/things/" + std::string(id);
  std::string wished = pointer;
  if (const std::size_t half = wished.find("/properties/"); half != std::string::npos)
    wished.replace(half, 12, "/desiredProperties/");
  const std::string selector = escaped_query(pointer.substr(1));
  const bool writable = property.wished || property.attribute;
  json.begin_object().field("type", json_type(property)).field("readOnly", !writable)
      .field("observable", true);
  json.key("forms").begin_array();
  form(json, at + escaped_query(pointer), "readproperty");
  if (writable)
    form(json, at + escaped_query(property.attribute ? pointer : wished), "writeproperty", "PUT");
  form(json, at + "?fields=" + selector, "observeproperty");
  json.end_array().end_object();
}

}  // namespace

std::string thing_description(const engine::Twin& twin, std::string_view id, std::string_view base) {
  JsonWriter json;
  json.begin_object()
      .field("@context", context)
      .field("id", "urn:selvedge:twin:" + std::string(id))
      .field("title", id)
      .field("modified",
             base::to_iso8601({static_cast<std::int64_t>(twin.modified_ms()) * 1'000'000}))
      .field("base", std::string(base) + "/");
  security(json);
  json.key("properties").begin_object();
  for (const auto& [pointer, property] : properties_of(twin)) {
    std::string_view rest = pointer;
    const std::string first = base::pointer_name(step_of(rest));
    std::string name = first + "/";
    if (first == "features") {
      name = base::pointer_name(step_of(rest)) + "/";
      step_of(rest);                   // "properties"
    }
    name += base::pointer_name(step_of(rest));
    json.key(name);
    write_property(json, id, pointer, property);
  }
  json.end_object();
  const std::string self = "/api/2/things/" + std::string(id);
  json.key("links").begin_array();
  json.begin_object().field("rel", "collection").field("href", "/api/2/things").end_object();
  if (const auto definition = twin.json(id, "/definition")) {
    const auto text = json_string(*definition);
    if (text && text->contains("://"))
      json.begin_object().field("rel", "type").field("href", *text).end_object();
  }
  json.end_array();
  json.key("forms").begin_array();
  form(json, self, "readallproperties");
  form(json, self, "observeallproperties");
  json.end_array().end_object();
  return json.take();
}

std::string directory_description(std::string_view base) {
  JsonWriter json;
  json.begin_object();
  json.key("@context").begin_array().value(context)
      .value("https://www.w3.org/2022/wot/discovery").end_array();
  json.field("@type", "ThingDirectory")
      .field("id", "urn:selvedge:things")
      .field("title", "Selvedge: twins of devices and nodes")
      .field("base", std::string(base) + "/");
  security(json);
  json.key("properties").begin_object().key("things").begin_object();
  json.field("type", "array").field("readOnly", true).key("forms").begin_array();
  json.begin_object()
      .field("href", "/api/2/things")
      .field("op", "readproperty")
      .field("contentType", "application/td+json")
      .field("htv:methodName", "GET")
      .end_object();
  json.end_array().end_object().end_object();
  json.key("actions").begin_object().key("retrieveThing").begin_object();
  json.key("uriVariables").begin_object().key("id").begin_object().field("type", "string")
      .end_object().end_object();
  json.field("safe", true).field("idempotent", true).key("forms").begin_array();
  json.begin_object()
      .field("href", "/api/2/things/{id}")
      .field("op", "invokeaction")
      .field("contentType", "application/td+json")
      .field("htv:methodName", "GET")
      .end_object();
  json.end_array().end_object().end_object();
  json.key("events").begin_object().key("thingChanged").begin_object();
  json.key("forms").begin_array();
  json.begin_object()
      .field("href", "/api/2/things")
      .field("op", "subscribeevent")
      .field("contentType", "text/event-stream")
      .field("subprotocol", "sse")
      .end_object();
  json.end_array().end_object().end_object().end_object();
  return json.take();
}

}  // namespace selvedge::things
