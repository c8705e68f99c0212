#include "things/http_path.h"

#include "base/text.h"
#include "base/json_pointer.h"

namespace selvedge::things {

namespace {

using base::Code;
using base::fail;
using base::Result;

constexpr std::size_t most_path_bytes = 4096;
constexpr std::string_view inbox = "/inbox/messages/";

// Cuts the first step ("/a") off a pointer.
std::string_view take_step(std::string_view& pointer) {
  if (pointer.empty()) return {};
  pointer.remove_prefix(1);
  const std::size_t end = std::min(pointer.find('/'), pointer.size());
  const std::string_view step = pointer.substr(0, end);
  pointer.remove_prefix(end);
  return step;
}

Result<TwinPath> message_path(TwinPath path, std::string_view rest) {
  if (rest.starts_with("/features/")) {
    const std::size_t end = rest.find('/', std::string_view("/features/").size());
    path.feature = base::pointer_name(rest.substr(10, end - 10));
    rest.remove_prefix(end);
  }
  path.kind = TwinPath::Kind::message;
  path.subject = rest.substr(inbox.size());
  return path;
}

bool is_message(std::string_view rest) {
  if (rest.starts_with("/features/")) {
    const std::size_t end = rest.find('/', std::string_view("/features/").size());
    return end != std::string_view::npos && end > 10 && rest.substr(end).starts_with(inbox);
  }
  return rest.starts_with(inbox);
}

}  // namespace

Result<model::TwinId> parse_twin_id(std::string_view text) {
  if (!model::is_twin_id(text))
    return fail(Code::invalid_input, "'" + base::printable(text) +
                                         "' is not the id of a twin: expected <node>:<device>, as "
                                         "edge-1:pump, or <node>:_node for the node itself");
  return model::TwinId(text);
}

Result<void> check_pointer(std::string_view pointer) {
  if (pointer.size() > most_path_bytes) return fail(Code::invalid_input, "the path is too long");
  if (pointer.empty()) return {};
  if (pointer.front() != '/')
    return fail(Code::invalid_input, "a path within a twin begins with '/'");
  const std::string_view whole = pointer;
  const std::string_view first = take_step(pointer);
  if (first == "attributes" || (first == "definition" && pointer.empty())) return {};
  if (first == "features") {
    if (pointer.empty()) return {};
    if (take_step(pointer).empty()) return fail(Code::not_found, "a feature has a name");
    const std::string_view half = take_step(pointer);
    if (half.empty() || half == "properties" || half == "desiredProperties") return {};
  }
  return fail(Code::not_found, "a twin has no '" + base::printable(whole) +
                                   "': expected attributes, definition, features, "
                                   "features/F/properties or features/F/desiredProperties");
}

Result<TwinPath> parse_twin_path(std::string_view text) {
  if (text.size() > most_path_bytes) return fail(Code::invalid_input, "the path is too long");
  const std::size_t end = std::min(text.find('/'), text.size());
  TwinPath path;
  path.id = TRY(parse_twin_id(text.substr(0, end)));
  std::string_view rest = text.substr(end);
  if (is_message(rest)) return message_path(std::move(path), rest);
  if (rest.size() > 1 && rest.ends_with('/')) rest.remove_suffix(1);
  if (rest == "/") rest = {};
  TRY(check_pointer(rest));
  path.kind = rest.empty() ? TwinPath::Kind::twin : TwinPath::Kind::part;
  path.pointer = rest;
  return path;
}

std::optional<HistoryPath> history_of(std::string_view pointer) {
  constexpr std::string_view last = "/history";
  if (!pointer.starts_with("/features/") || !pointer.ends_with(last)) return std::nullopt;
  pointer.remove_suffix(last.size());
  take_step(pointer);
  HistoryPath history;
  history.feature = base::pointer_name(take_step(pointer));
  if (take_step(pointer) != "properties" || pointer.empty()) return std::nullopt;
  while (!pointer.empty()) {
    if (!history.property.empty()) history.property += '/';
    history.property += base::pointer_name(take_step(pointer));
  }
  if (history.property.empty()) return std::nullopt;
  return history;
}

std::string escaped_query(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF", plain = "-._~/:@!$()*,;";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || plain.contains(c)) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

}  // namespace selvedge::things
