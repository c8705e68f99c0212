#include "things/http_search.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "codec/json/value.h"
#include "things/http_json.h"
#include "things/http_path.h"

namespace selvedge::things {

namespace {

using base::Code;
using base::fail;
using base::Result;

constexpr std::size_t most_sort_keys = 8;
constexpr std::size_t most_namespaces = 100;
constexpr std::size_t most_cursor_bytes = 16 << 10;

// A twin's place in the order that was asked for.
struct Place {
  std::vector<std::string> values;     // one a sort key
  model::TwinId id;
};

struct Order {
  std::vector<SortKey> keys;

  Place place(const engine::Twin& twin, std::string_view id) const {
    Place place;
    for (const SortKey& key : keys) place.values.push_back(sort_value(twin, id, key.field));
    place.id = id;
    return place;
  }
  bool operator()(const Place& a, const Place& b) const {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const int sign = compare_values(a.values[i], b.values[i]);
      if (sign != 0) return (sign < 0) != keys[i].descending;
    }
    return a.id < b.id;
  }
  std::string text() const {
    std::string out;
    for (const SortKey& key : keys) out += (key.descending ? "-" : "+") + key.field + ",";
    return out;
  }
};

std::string encode_cursor(const Order& order, const Place& place) {
  base::JsonWriter json;
  json.begin_object().field("o", order.text()).field("i", place.id).key("v").begin_array();
  for (const std::string& value : place.values) json.value(value);
  json.end_array().end_object();
  return base::to_hex(base::as_bytes(json.text()));
}

Result<std::optional<Place>> decode_cursor(const Order& order, std::string_view cursor) {
  if (cursor.empty()) return std::nullopt;
  const auto wrong = [] {
    return fail(Code::invalid_input, "cursor: not one of this search; start without it");
  };
  if (cursor.size() > most_cursor_bytes) return wrong();
  const auto bytes = base::from_hex(cursor);
  if (!bytes) return wrong();
  const auto json = codec::json::parse(base::as_text(*bytes));
  if (!json || (*json)["o"].text() != order.text()) return wrong();
  Place place;
  place.id = (*json)["i"].text();
  for (const auto& value : (*json)["v"].array()) place.values.push_back(value.text());
  if (place.values.size() != order.keys.size()) return wrong();
  return place;
}

// Visits the twins of some prefixes, so many a turn.
class Walk : public std::enable_shared_from_this<Walk> {
 public:
  Walk(os::World& world, store::TwinStore& store, std::weak_ptr<void> alive,
       engine::TwinFilter filter, std::vector<std::string> prefixes, std::string after)
      : world_(world), store_(store), alive_(std::move(alive)), filter_(std::move(filter)),
        prefixes_(std::move(prefixes)), after_(std::move(after)) {}

  // False: it has seen enough.
  std::function<bool(const model::TwinId& id, const engine::Twin& twin)> on_match;
  std::function<void()> on_end;

  void run() {
    std::size_t left = visits_a_turn;
    while (at_ < prefixes_.size()) {
      const auto ids = store_.list(prefixes_[at_], after_, left);
      for (const model::TwinId& id : ids) {
        const engine::Twin* twin = store_.find(id);
        if (twin != nullptr && filter_.matches(id, *twin) && !on_match(id, *twin)) return on_end();
      }
      left -= ids.size();
      if (left > 0) {
        ++at_;
        continue;
      }
      after_ = ids.back();
      world_.loop().after({}, [self = shared_from_this()] {
        if (!self->alive_.expired()) self->run();
      });
      return;
    }
    on_end();
  }

 private:
  os::World& world_;
  store::TwinStore& store_;
  std::weak_ptr<void> alive_;
  engine::TwinFilter filter_;
  std::vector<std::string> prefixes_;
  std::string after_;
  std::size_t at_ = 0;
};

// Prefixes of ids in which to look, in order.
std::vector<std::string> prefixes_of(const Sight& sight, const SearchRequest& request) {
  if (request.namespaces.empty()) return {sight.prefix};
  std::vector<std::string> prefixes;
  for (const std::string& name : request.namespaces) {
    std::string prefix = name + ":";
    if (prefix.starts_with(sight.prefix)) prefixes.push_back(std::move(prefix));
    else if (sight.prefix.starts_with(prefix)) prefixes.push_back(sight.prefix);
  }
  std::ranges::sort(prefixes);
  const auto twice = std::ranges::unique(prefixes);
  prefixes.erase(twice.begin(), twice.end());
  return prefixes;
}

bool in_sight(const Sight& sight, std::string_view id) {
  return sight.only.empty() ? id.starts_with(sight.prefix) : id == sight.only;
}

std::string_view type_of(std::string_view value) {
  if (value.empty() || value == "null") return "0";
  const char c = value.front();
  if (c == '-' || (c >= '0' && c <= '9')) return "1";
  if (c == '"') return "2";
  return c == 't' || c == 'f' ? "3" : "4";
}

}  // namespace

int compare_values(std::string_view a, std::string_view b) {
  const std::string_view type = type_of(a);
  if (const int sign = type.compare(type_of(b)); sign != 0) return sign;
  if (type == "0") return 0;
  if (type != "1") return a.compare(b);
  const double x = base::parse_double(a).value_or(0), y = base::parse_double(b).value_or(0);
  return x < y ? -1 : x > y ? 1 : 0;
}

std::string sort_value(const engine::Twin& twin, std::string_view id, std::string_view field) {
  while (field.starts_with('/')) field.remove_prefix(1);
  if (field == "thingId") return json_quoted(id);
  if (field == "_revision") return std::to_string(twin.revision());
  if (field == "_modified") return std::to_string(twin.modified_ms());
  const auto json = twin.json(id, "/" + std::string(field));
  return json ? *json : std::string();
}

Result<void> SearchRequest::take_options(std::string_view option) {
  while (!option.empty()) {
    const std::size_t open = option.find('('), close = option.find(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open)
      return fail(Code::invalid_input, "option: expected sort(..), size(..), cursor(..)");
    const std::string_view name = option.substr(0, open);
    std::string_view value = option.substr(open + 1, close - open - 1);
    option.remove_prefix(close + 1);
    if (option.starts_with(',')) option.remove_prefix(1);
    if (name == "size") {
      const auto number = base::parse_int(value);
      if (!number || *number < 0 || *number > static_cast<std::int64_t>(largest_page))
        return fail(Code::invalid_input, "option: size: expected 0 to 1000");
      size = static_cast<std::size_t>(*number);
    } else if (name == "cursor") {
      cursor = value;
    } else if (name == "sort") {
      while (!value.empty()) {
        const std::size_t comma = std::min(value.find(','), value.size());
        std::string_view field = value.substr(0, comma);
        value.remove_prefix(std::min(comma + 1, value.size()));
        // '+' is a space where a query is decoded.
        const bool descending = field.starts_with('-');
        if (descending || field.starts_with('+') || field.starts_with(' ')) field.remove_prefix(1);
        if (field.empty()) return fail(Code::invalid_input, "option: sort: a field is missing");
        if (sort.size() == most_sort_keys)
          return fail(Code::invalid_input, "option: sort: more than 8 fields");
        sort.push_back({std::string(field), descending});
      }
    } else {
      return fail(Code::invalid_input, "option: '" + base::printable(name) +
                                           "' is unknown: expected sort, size, cursor");
    }
  }
  return {};
}

Result<void> SearchRequest::take_namespaces(std::string_view list) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view name = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (name.empty() || name.contains(':') || namespaces.size() == most_namespaces)
      return fail(Code::invalid_input, "namespaces: expected up to 100 names of nodes");
    namespaces.emplace_back(name);
  }
  return {};
}

void search_twins(os::World& world, store::TwinStore& store, std::weak_ptr<void> alive,
                  const Sight& sight, const SearchRequest& request,
                  std::function<void(Result<SearchPage>)> done) {
  auto filter = engine::TwinFilter::parse(request.filter);
  if (!filter) return done(std::unexpected(std::move(filter).error().while_doing("filter")));
  const Order order{request.sort};
  const auto cursor = decode_cursor(order, request.cursor);
  if (!cursor) return done(std::unexpected(cursor.error()));
  const auto prefixes = prefixes_of(sight, request);
  const std::string after = order.keys.empty() && *cursor ? (*cursor)->id : std::string();
  const std::size_t wanted = request.size + 1;   // one more shows that there is more

  const auto finish = [order, size = request.size](std::vector<Place> places) {
    SearchPage page;
    const bool more = places.size() > size;
    if (more) places.resize(size);
    if (more && size > 0) page.next = encode_cursor(order, places.back());
    for (Place& place : places) page.ids.push_back(std::move(place.id));
    return page;
  };
  const bool by_id = order.keys.empty() && prefixes.size() <= 1 && sight.only.empty();
  if (by_id) {
    if (prefixes.empty()) return done(SearchPage{});
    const auto found = store.search(*filter, prefixes.front(), after, wanted, visits_a_turn);
    if (found) {
      std::vector<Place> places;
      for (const model::TwinId& id : *found) places.push_back({{}, id});
      return done(finish(std::move(places)));
    }
  }
  const auto walk = std::make_shared<Walk>(world, store, std::move(alive), std::move(*filter),
                                           prefixes, after);
  // Ordered by place; the best so far, and no more than are wanted.
  const auto best = std::make_shared<std::vector<Place>>();
  walk->on_match = [best, order, sight, wanted, cursor = *cursor](const model::TwinId& id,
                                                                  const engine::Twin& twin) {
    if (!in_sight(sight, id)) return true;
    Place place = order.place(twin, id);
    if (cursor && !order(*cursor, place)) return true;
    const auto at = std::ranges::lower_bound(*best, place, order);
    if (at == best->end() && best->size() == wanted) return !order.keys.empty();
    best->insert(at, std::move(place));
    if (best->size() > wanted) best->pop_back();
    return !order.keys.empty() || best->size() < wanted;
  };
  walk->on_end = [best, finish, done = std::move(done)] { done(finish(std::move(*best))); };
  walk->run();
}

void count_twins(os::World& world, store::TwinStore& store, std::weak_ptr<void> alive,
                 const Sight& sight, const SearchRequest& request,
                 std::function<void(Result<std::uint64_t>)> done) {
  auto filter = engine::TwinFilter::parse(request.filter);
  if (!filter) return done(std::unexpected(std::move(filter).error().while_doing("filter")));
  const auto prefixes = prefixes_of(sight, request);
  if (request.filter.empty() && prefixes.size() == 1 && prefixes.front().empty())
    return done(store.size());
  if (prefixes.size() == 1 && sight.only.empty()) {
    const auto found = store.search(*filter, prefixes.front(), "", visits_a_turn, visits_a_turn);
    if (found && found->size() < visits_a_turn) return done(found->size());
  }
  const auto walk = std::make_shared<Walk>(world, store, std::move(alive), std::move(*filter),
                                           prefixes, std::string());
  const auto count = std::make_shared<std::uint64_t>(0);
  walk->on_match = [count, sight](const model::TwinId& id, const engine::Twin&) {
    if (in_sight(sight, id)) ++*count;
    return true;
  };
  walk->on_end = [count, done = std::move(done)] { done(*count); };
  walk->run();
}

}  // namespace selvedge::things
