// JSON Patch (RFC 6902) on a twin. Each operation gets a stamp of its own, so that a later one prevails
// over an earlier one at a related path.

#include "base/text.h"
#include "engine/twin/array_text.h"
#include "engine/twin/editor.h"
#include "engine/twin/json_text.h"

namespace selvedge::engine::twin {

using base::Code;
using base::Result;

namespace {

constexpr std::size_t max_operations = 1024;

}  // namespace

struct Editor::Operation {
  std::string op, path, from;
  std::string_view value;
  bool has_path = false, has_from = false, has_value = false;

  Result<void> read(JsonText& json) {
    const auto malformed = [&] { return base::fail(Code::invalid_input, json.where()); };
    if (json.peek() != '{') return base::fail(Code::invalid_input, "an operation must be an object");
    json.take('{');
    if (json.take('}')) return {};
    do {
      std::string name;
      if (!json.string(name) || !json.take(':')) return malformed();
      const auto text = [&](std::string& into, bool& has) {
        into.clear();
        has = true;
        return json.peek() == '"' && json.string(into);
      };
      bool has_op = false;
      bool good = true;
      std::string_view ignored;
      if (name == "op") good = text(op, has_op);
      else if (name == "path") good = text(path, has_path);
      else if (name == "from") good = text(from, has_from);
      else if (name == "value") good = has_value = json.raw(value);
      else good = json.raw(ignored);
      if (!good) return malformed();
    } while (json.take(','));
    if (!json.take('}')) return malformed();
    return {};
  }

  Result<void> check() const {
    const auto refuse = [&](std::string_view why) {
      return base::fail(Code::invalid_input, std::string(why));
    };
    const bool takes_value = op == "add" || op == "replace" || op == "test";
    const bool takes_from = op == "move" || op == "copy";
    if (!takes_value && !takes_from && op != "remove")
      return refuse("'" + base::printable(op) +
                    "' is no operation: add, remove, replace, move, copy, test");
    if (!has_path) return refuse("it has no path");
    if (takes_value && !has_value) return refuse("it has no value");
    if (takes_from && !has_from) return refuse("it has no from");
    if (!(path.empty() || path[0] == '/') || !(from.empty() || from[0] == '/'))
      return refuse("a pointer must be empty or begin with '/'");
    return {};
  }
};

Result<void> Editor::patch(std::string_view pointer, std::string_view text) {
  JsonText json(text);
  std::size_t number = 0;
  if (!json.take('[')) return base::fail(Code::invalid_input, "a JSON Patch must be an array");
  if (!json.take(']')) {
    do {
      const std::string step = "operation " + std::to_string(number);
      if (++number > max_operations)
        return base::fail(Code::exhausted, "a JSON Patch of more than 1024 operations");
      Operation operation;
      TRY(base::while_doing(step, operation.read(json)));
      TRY(base::while_doing(step, operation.check()));
      operation.path.insert(0, pointer);
      operation.from.insert(0, pointer);
      TRY(base::while_doing(step + " (" + operation.op + " " + base::printable(operation.path) + ")",
                            run(operation)));
      next_stamp();
    } while (json.take(','));
    if (!json.take(']')) return base::fail(Code::invalid_input, json.where());
  }
  if (!json.at_end()) return base::fail(Code::invalid_input, json.where());
  return {};
}

Result<std::string> Editor::read(const std::string& pointer) const {
  return json_at(entries_, TRY(Place::parse(pointer, limits_)));
}

Result<void> Editor::add(const std::string& pointer, std::string_view json) {
  const Place place = TRY(Place::parse(pointer, limits_));
  if (const InArray in = array_above(entries_, place); in.at != none) {
    const Entries::View array = entries_.at(in.at);
    const std::string text =
        TRY(changed_inside(array.value, in.rest, ArrayChange::add, TRY(canonical_json(json))));
    return put(Place::inner(array.key.part, array.key.path), text);
  }
  const Place parent = place.parent();
  if (place.level != Place::Level::document && parent.level != Place::Level::document &&
      !is_object(entries_, parent))
    return base::fail(Code::not_found, "there is no object that could hold it");
  return put(place, json);
}

Result<void> Editor::take_away(const std::string& pointer) {
  return remove(TRY(Place::parse(pointer, limits_)));
}

Result<void> Editor::run(const Operation& o) {
  if (o.op == "add") return add(o.path, o.value);
  if (o.op == "remove") return take_away(o.path);
  if (o.op == "replace") {
    TRY(read(o.path));
    return put(TRY(Place::parse(o.path, limits_)), o.value);
  }
  if (o.op == "test") {
    const std::string is = TRY(read(o.path));
    if (same_json(is, TRY(canonical_json(o.value)))) return {};
    return base::fail(Code::conflict, "it is " + base::printable(is));
  }
  const std::string value = TRY(read(o.from));
  if (o.op == "copy") return add(o.path, value);
  if (o.path == o.from) return {};
  if (is_beneath(o.path, o.from))
    return base::fail(Code::invalid_input, "a value cannot be moved into itself");
  TRY(take_away(o.from));
  next_stamp();
  return add(o.path, value);
}

}  // namespace selvedge::engine::twin
