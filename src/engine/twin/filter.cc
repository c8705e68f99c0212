#include "engine/twin/filter.h"

#include <array>
#include <utility>

#include "base/text.h"
#include "engine/twin/json_text.h"
#include "engine/twin/place.h"

namespace selvedge::engine {

using base::Code;
using base::Result;
using model::TwinPart;

namespace {

constexpr std::size_t max_text = 4096;
constexpr std::size_t max_terms = 256;
constexpr int max_levels = 16;

constexpr std::size_t operators = 14;

}  // namespace

TwinFilter::TwinFilter() = default;
TwinFilter::TwinFilter(TwinFilter&&) noexcept = default;
TwinFilter& TwinFilter::operator=(TwinFilter&&) noexcept = default;
TwinFilter::~TwinFilter() = default;

// Recursive descent over "operator(argument, ...)".
class RqlParser {
 public:
  using Node = TwinFilter::Node;

  RqlParser(std::string_view text, std::vector<Node>& nodes) : text_(text), nodes_(nodes) {}

  Result<void> run() {
    if (text_.size() > max_text) return refuse("it is longer than 4096 bytes");
    skip_space();
    if (at_ == text_.size()) return {};
    TRY(term(0));
    skip_space();
    if (at_ < text_.size()) return refuse("there is something behind its end");
    return {};
  }

 private:
  using Kind = Node::Kind;

  std::unexpected<base::Error> refuse(std::string_view why) const {
    return base::fail(Code::invalid_input,
                      "RQL at byte " + std::to_string(at_) + ": " + std::string(why));
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  bool take(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Result<Kind> operation() {
    static constexpr std::array<std::pair<std::string_view, Kind>, operators> names{
        {{"and", Kind::all}, {"or", Kind::any}, {"not", Kind::negation}, {"eq", Kind::eq},
         {"ne", Kind::ne}, {"gt", Kind::gt}, {"ge", Kind::ge}, {"lt", Kind::lt}, {"le", Kind::le},
         {"in", Kind::in}, {"like", Kind::like}, {"ilike", Kind::ilike}, {"exists", Kind::exists},
         {"empty", Kind::empty}}};
    skip_space();
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] >= 'a' && text_[at_] <= 'z') ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    for (const auto& [name, kind] : names)
      if (name == word) return kind;
    at_ = begin;
    return refuse("expected and, or, not, eq, ne, gt, ge, lt, le, in, like, ilike, exists or empty");
  }

  Result<void> term(int level) {
    if (level >= max_levels) return refuse("terms are nested more than 16 deep");
    if (nodes_.size() >= max_terms) return refuse("it has more than 256 terms");
    const Kind kind = TRY(operation());
    if (!take('(')) return refuse("expected '('");
    const std::size_t mine = nodes_.size();
    nodes_.emplace_back();
    nodes_[mine].kind = kind;
    if (kind == Kind::all || kind == Kind::any || kind == Kind::negation) {
      do {
        TRY(term(level + 1));
        ++nodes_[mine].terms;
      } while (kind != Kind::negation && take(','));
    } else {
      TRY(property(nodes_[mine]));
      if (kind != Kind::exists && kind != Kind::empty) TRY(values(nodes_[mine]));
    }
    if (!take(')')) return refuse("expected ')'");
    nodes_[mine].size = static_cast<std::uint32_t>(nodes_.size() - mine);
    return {};
  }

  Result<void> property(Node& node) {
    skip_space();
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != ')' && text_[at_] != ' ') ++at_;
    const std::string_view name = text_.substr(begin, at_ - begin);
    if (name.empty()) return refuse("expected the name of a property");
    if (name == "_revision" || name == "_modified") {
      node.of = name == "_revision" ? Node::Of::revision : Node::Of::modified;
      return {};
    }
    std::string pointer = name[0] == '/' ? "" : "/";
    pointer += name;
    TwinLimits limits;
    limits.depth = 64;
    auto place = twin::Place::parse(pointer, limits);
    if (!place) return refuse(place.error().message);
    using Level = twin::Place::Level;
    if (place->level == Level::id) node.of = Node::Of::id;
    else if (place->level != Level::inner && (node.kind == Kind::exists || node.kind == Kind::empty))
      structure(node, *place);
    else if (place->level != Level::inner || (place->must_be_object() && node.kind != Kind::exists && node.kind != Kind::empty))
      return refuse("only single values can be compared");
    else if (place->path.starts_with("/*") && (place->path.size() == 2 || place->path[2] == '/') &&
             place->part != TwinPart::attributes)
      any_feature(node, *place);
    else
      leaf(node, *place);
    return {};
  }

  static void leaf(Node& node, const twin::Place& place) {
    node.part = place.part;
    node.path = place.path;
  }

  static void any_feature(Node& node, const twin::Place& place) {
    node.of = Node::Of::any_feature;
    node.part = place.part;
    node.path = place.path.substr(2);
  }

  // The key of a level above the leaves, as Place::of takes it.
  static void structure(Node& node, const twin::Place& place) {
    std::size_t count = 0;
    const auto ranges = place.ranges(count);
    node.part = ranges[0].part;
    node.path = ranges[0].path;
  }

  Result<void> values(Node& node) {
    do {
      if (!take(',')) return refuse("expected ',' and a value");
      if (node.values.size() >= max_terms) return refuse("more than 256 values");
      std::string value = TRY(this->value());
      if (node.kind == Kind::like || node.kind == Kind::ilike) {
        std::string scratch;
        if (!twin::is_json_string(value)) return refuse("expected a pattern in quotes");
        value = std::string(twin::json_string(value, scratch));
      }
      node.values.push_back(std::move(value));
      skip_space();
    } while (node.kind == Kind::in && at_ < text_.size() && text_[at_] == ',');
    return {};
  }

  Result<std::string> value() {
    skip_space();
    const std::size_t begin = at_;
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
      const char quote = text_[at_++];
      std::string says;
      while (at_ < text_.size() && text_[at_] != quote) {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
        says += text_[at_++];
      }
      if (at_ == text_.size()) return refuse("a text is not closed");
      ++at_;
      if (!base::is_utf8(says)) return refuse("a text is not UTF-8");
      std::string out;
      twin::append_json_string(out, says);
      return out;
    }
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != ')' && text_[at_] != ' ') ++at_;
    const auto canonical = twin::canonical_json(text_.substr(begin, at_ - begin));
    if (!canonical || canonical->starts_with('[') || canonical->starts_with('{')) {
      at_ = begin;
      return refuse("expected a number, true, false, null or a text in quotes");
    }
    return *canonical;
  }

  std::string_view text_;
  std::vector<Node>& nodes_;
  std::size_t at_ = 0;
};

Result<TwinFilter> TwinFilter::parse(std::string_view rql) {
  TwinFilter filter;
  TRY(RqlParser(rql, filter.nodes_).run());
  return filter;
}

std::vector<TwinFilter::Required> TwinFilter::required() const {
  std::vector<Required> found;
  // An eq at the top, or in an and at the top, and so on down.
  std::size_t end = nodes_.empty() ? 0 : 1;
  for (std::size_t i = 0; i < end && i < nodes_.size(); i += nodes_[i].kind == Node::Kind::all ? 1 : nodes_[i].size) {
    const Node& node = nodes_[i];
    if (node.kind == Node::Kind::all) end = std::max(end, i + node.size);
    if (node.kind == Node::Kind::eq && node.of == Node::Of::leaf && !node.values.empty())
      found.push_back({node.part, node.path, node.values[0]});
  }
  return found;
}

}  // namespace selvedge::engine
