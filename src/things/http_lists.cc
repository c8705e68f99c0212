// Lists: /api/2/things, /api/2/search/things and the count of it.

#include <algorithm>

#include "base/json.h"
#include "things/http_handlers.h"
#include "things/http_json.h"
#include "things/http_path.h"
#include "things/http_search.h"
#include "things/http_stream.h"
#include "things/wot_description.h"

namespace selvedge::things {

namespace {

using base::Code;
using base::Result;
using net::http::Request;

constexpr std::size_t most_ids = 1000;

void answer(const net::http::Respond& respond, Reply reply) {
  respond(to_response(std::move(reply)));
}

Result<SearchRequest> search_request(const Request& request) {
  SearchRequest search;
  search.filter = request.parameter("filter").value_or("");
  TRY(search.take_options(request.parameter("option").value_or("")));
  TRY(search.take_namespaces(request.parameter("namespaces").value_or("")));
  return search;
}

// One item of a list: the twin, or its Thing Description.
struct Writer {
  std::string fields;
  bool descriptions = false;
  std::string base;

  explicit Writer(const Request& request)
      : fields(request.parameter("fields").value_or("")),
        descriptions(accepts(request, "application/td+json")),
        base(descriptions ? base_of(request) : std::string()) {}

  Result<std::string> operator()(const engine::Twin& twin, std::string_view id) const {
    if (descriptions) return thing_description(twin, id, base);
    return twin.json(id, "", fields);
  }
  std::string type() const { return descriptions ? "application/td+json" : "application/json"; }
};

// Of a page that was found, what is still there. Fields that a twin has none of leave {}.
Result<std::string> items(const store::TwinStore& store, const std::vector<model::TwinId>& ids,
                          const Writer& write) {
  std::string out = "[";
  for (const model::TwinId& id : ids) {
    const engine::Twin* twin = store.find(id);
    if (twin == nullptr) continue;
    auto json = write(*twin, id);
    if (!json && json.error().code != Code::not_found) return json;
    if (out.size() > 1) out += ',';
    out += json ? *json : "{}";
  }
  return out + "]";
}

void get_named(const TwinRequest& r, std::string_view list) {
  std::vector<model::TwinId> ids;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const auto id = parse_twin_id(list.substr(0, comma));
    if (!id) return answer(r.respond, refused(id.error()));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (ids.size() == most_ids)
      return answer(r.respond, refused(400, "things:request.invalid", "ids: more than 1000"));
    if (may_see(r.caller, r.api.twins.here(), *id)) ids.push_back(*id);
  }
  const Writer write(r.request);
  auto json = items(r.api.twins.store(), ids, write);
  if (!json) return answer(r.respond, refused(json.error()));
  Reply reply;
  reply.body = std::move(*json);
  reply.content_type = write.type();
  answer(r.respond, std::move(reply));
}

using Finished = std::function<Reply(std::string items, std::string next)>;

void find(const TwinRequest& r, const SearchRequest& search, Finished finished) {
  const auto seen = sight(r.caller, r.api.twins.here());
  if (!seen) return answer(r.respond, not_allowed(r.caller, "see twins", ""));
  search_twins(r.api.routes.world, r.api.twins.store(), r.api.weak_from_this(), *seen, search,
               [&store = r.api.twins.store(), respond = r.respond, write = Writer(r.request),
                finished = std::move(finished)](Result<SearchPage> page) {
                 if (!page) return answer(respond, refused(page.error()));
                 auto json = items(store, page->ids, write);
                 if (!json) return answer(respond, refused(json.error()));
                 Reply reply = finished(std::move(*json), std::move(page->next));
                 if (write.descriptions) reply.content_type = write.type();
                 answer(respond, std::move(reply));
               });
}

}  // namespace

void get_many(const TwinRequest& r) {
  if (accepts(r.request, "text/event-stream")) return stream_many(r);
  if (const auto ids = r.request.parameter("ids")) return get_named(r, *ids);
  auto search = search_request(r.request);
  if (!search) return answer(r.respond, refused(search.error()));
  // What was asked, for the link to the next page.
  std::string link = "/api/2/things?option=size(" + std::to_string(search->size) + "),cursor(";
  std::string rest = ")";
  if (const auto fields = r.request.parameter("fields")) rest += "&fields=" + escaped_query(*fields);
  if (const auto names = r.request.parameter("namespaces"))
    rest += "&namespaces=" + escaped_query(*names);
  search->filter.clear();
  search->sort.clear();
  find(r, *search, [link, rest](std::string items, const std::string& next) {
    Reply reply;
    reply.body = std::move(items);
    if (!next.empty())
      reply.headers.emplace_back("Link", "<" + link + next + rest + ">; rel=\"next\"");
    return reply;
  });
}

void search_many(const TwinRequest& r) {
  const auto search = search_request(r.request);
  if (!search) return answer(r.respond, refused(search.error()));
  find(r, *search, [](const std::string& items, const std::string& next) {
    Reply reply;
    reply.body = "{\"items\":" + items;
    if (!next.empty()) reply.body += ",\"cursor\":" + json_quoted(next);
    reply.body += "}";
    return reply;
  });
}

void count_many(const TwinRequest& r) {
  const auto search = search_request(r.request);
  if (!search) return answer(r.respond, refused(search.error()));
  const auto seen = sight(r.caller, r.api.twins.here());
  if (!seen) return answer(r.respond, not_allowed(r.caller, "see twins", ""));
  count_twins(r.api.routes.world, r.api.twins.store(), r.api.weak_from_this(), *seen, *search,
              [respond = r.respond](Result<std::uint64_t> count) {
                if (!count) return answer(respond, refused(count.error()));
                Reply reply;
                reply.body = std::to_string(*count);
                answer(respond, std::move(reply));
              });
}

}  // namespace selvedge::things
