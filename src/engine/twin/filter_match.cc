#include <algorithm>
#include <optional>

#include "base/text.h"
#include "base/time.h"
#include "engine/twin/editor.h"
#include "engine/twin/filter.h"
#include "engine/twin/json_text.h"
#include "engine/twin/leaf_text.h"
#include "engine/twin/place.h"

namespace selvedge::engine {

using model::TwinPart;

namespace twin {

bool like(std::string_view pattern, std::string_view text, bool ignore_case) {
  const auto lower = [&](char c) {
    return ignore_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  // One UTF-8 character.
  const auto skip = [&](std::size_t at) {
    do ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
    return at;
  };
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      t = skip(t);
    } else if (p < pattern.size() && lower(pattern[p]) == lower(text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace twin

namespace {

// Less, equal or greater, of numbers and of texts; nothing of what cannot be compared.
std::optional<int> order(std::string_view a, std::string_view b) {
  if (twin::is_json_number(a) && twin::is_json_number(b)) {
    const auto x = base::parse_double(a), y = base::parse_double(b);
    if (!x || !y) return std::nullopt;
    return *x < *y ? -1 : *x > *y ? 1 : 0;
  }
  if (!twin::is_json_string(a) || !twin::is_json_string(b)) return std::nullopt;
  std::string scratch_a, scratch_b;
  return twin::json_string(a, scratch_a).compare(twin::json_string(b, scratch_b));
}

}  // namespace

class FilterMatch {
 public:
  using Node = TwinFilter::Node;

  FilterMatch(std::string_view id, const Twin& twin) : id_(id), twin_(twin) {}

  bool term(const Node* node) const {
    switch (node->kind) {
      case Node::Kind::all:
      case Node::Kind::any: {
        const bool stop = node->kind == Node::Kind::any;
        const Node* child = node + 1;
        for (std::uint32_t i = 0; i < node->terms; ++i, child += child->size)
          if (term(child) == stop) return stop;
        return !stop;
      }
      case Node::Kind::negation: return !term(node + 1);
      default: break;
    }
    switch (node->of) {
      case Node::Of::id: {
        std::string value;
        twin::append_json_string(value, id_);
        return holds(*node, value);
      }
      case Node::Of::revision: return holds(*node, std::to_string(twin_.revision()));
      case Node::Of::modified: return modified(*node);
      case Node::Of::any_feature: return any_feature(*node);
      case Node::Of::leaf: break;
    }
    const std::string_view value = twin_.leaf(node->part, node->path);
    if (!value.empty() || (node->kind != Node::Kind::exists && node->kind != Node::Kind::empty))
      return holds(*node, value);
    return structure(*node);
  }

 private:
  static bool is_empty(std::string_view value) {
    return value.empty() || value == "null" || value == "\"\"" || value == "[]" || value == "{}";
  }

  // `value` is empty if there is none.
  static bool holds(const Node& node, std::string_view value) {
    const auto is = [&](std::string_view other) { return twin::same_json(value, other); };
    const auto compare = [&] { return order(value, node.values[0]); };
    switch (node.kind) {
      case Node::Kind::eq: return is(node.values[0]);
      case Node::Kind::ne: return !is(node.values[0]);
      case Node::Kind::gt: return compare().value_or(-1) > 0;
      case Node::Kind::ge: return compare().value_or(-1) >= 0;
      case Node::Kind::lt: return compare().value_or(1) < 0;
      case Node::Kind::le: return compare().value_or(1) <= 0;
      case Node::Kind::in: return std::any_of(node.values.begin(), node.values.end(), is);
      case Node::Kind::like:
      case Node::Kind::ilike: {
        std::string scratch;
        return twin::is_json_string(value) && twin::like(node.values[0], twin::json_string(value, scratch),
                                                         node.kind == Node::Kind::ilike);
      }
      case Node::Kind::exists: return !value.empty();
      case Node::Kind::empty: return is_empty(value);
      default: return false;
    }
  }

  // exists and empty of something that is no leaf.
  bool structure(const Node& node) const {
    const twin::Place place = twin::Place::of({node.part, node.path});
    const auto json = twin_.json(id_, place.pointer());
    return node.kind == Node::Kind::exists ? json.has_value() : !json || is_empty(*json);
  }

  // The time as ISO 8601 text or as milliseconds since 1970.
  bool modified(const Node& node) const {
    const auto ms = static_cast<std::int64_t>(twin_.modified_ms());
    if (!node.values.empty() && twin::is_json_string(node.values[0])) {
      Node copy = node;
      for (std::string& value : copy.values) {
        std::string scratch;
        const auto time = base::parse_time(twin::json_string(value, scratch));
        value = time ? std::to_string(time->ns / 1'000'000) : "null";
      }
      return holds(copy, std::to_string(ms));
    }
    return holds(node, std::to_string(ms));
  }

  bool any_feature(const Node& node) const {
    bool found = false, some = false;
    twin_.each([&](TwinPart part, std::string_view path, std::string_view value, model::Stamp) {
      if (found || part != node.part) return;
      const std::size_t end = std::min(path.find('/', 1), path.size());
      if (path.substr(end) != node.path) return;
      some = true;
      found = holds(node, value);
    });
    if (node.kind == Node::Kind::ne || node.kind == Node::Kind::empty) return found || !some;
    return found;
  }

  std::string_view id_;
  const Twin& twin_;
};

bool TwinFilter::matches(std::string_view id, const Twin& twin) const {
  return nodes_.empty() || FilterMatch(id, twin).term(nodes_.data());
}

}  // namespace selvedge::engine
