#include "things/http_twins.h"

#include "base/text.h"
#include "things/http_access.h"
#include "things/http_json.h"

namespace selvedge::things {

namespace {

using base::Code;
using engine::TwinEdit;
using net::api::Caller;
using Kind = TwinChangeRequest::Kind;

constexpr std::size_t audited_bytes = 4 << 10;

TwinEdit::Kind edit_kind(Kind kind) {
  switch (kind) {
    case Kind::create:
    case Kind::put: return TwinEdit::Kind::put;
    case Kind::merge: return TwinEdit::Kind::merge;
    case Kind::patch: return TwinEdit::Kind::patch;
    case Kind::remove: break;
  }
  return TwinEdit::Kind::remove;
}

std::string_view action(Kind kind) {
  switch (kind) {
    case Kind::create: return "twin.create";
    case Kind::put: return "twin.put";
    case Kind::merge: return "twin.merge";
    case Kind::patch: return "twin.patch";
    case Kind::remove: break;
  }
  return "twin.remove";
}

std::string etag_of(const engine::Twin& twin, std::string_view pointer, std::string_view json) {
  return pointer.empty() ? revision_etag(twin.revision()) : hash_etag(json);
}

// A twin's own text may say its id; then it must be the one in the path.
std::optional<Reply> foreign_id(const TwinChangeRequest& request) {
  const bool whole = request.pointer.empty() &&
                     (request.kind == Kind::create || request.kind == Kind::put ||
                      request.kind == Kind::merge);
  if (!whole || !request.json.contains("thingId")) return std::nullopt;
  const auto said = json_string_of(request.json, "thingId");
  if (!said || *said == request.id) return std::nullopt;
  return refused(400, "things:id.notsettable",
                 "the body is of '" + base::printable(*said) + "', the path of '" + request.id + "'");
}

// What the twin itself has no room for is too large; else the store is full, and may have room later.
bool breaks_limits(const engine::Twin* twin, const TwinChangeRequest& request) {
  engine::Twin copy = twin != nullptr ? twin->copy() : engine::Twin();
  const auto tried = copy.edit({edit_kind(request.kind), request.pointer, request.json}, {}, {});
  return !tried && tried.error().code == Code::exhausted;
}

std::string cut(std::string text) {
  if (text.size() > audited_bytes) text.resize(audited_bytes);
  return text;
}

}  // namespace

Reply nothing_at(std::string_view id, std::string_view pointer, bool twin_exists) {
  if (!twin_exists)
    return refused(404, "things:thing.notfound", "there is no twin '" + std::string(id) + "'");
  const std::string_view error =
      pointer.starts_with("/attributes")                     ? "things:attribute.notfound"
      : pointer.contains("roperties")                        ? "things:feature.property.notfound"
      : pointer.starts_with("/features")                     ? "things:feature.notfound"
                                                             : "things:thing.definition.notfound";
  return refused(404, error, "the twin '" + std::string(id) + "' has nothing at " +
                                 base::printable(pointer));
}

Reply Twins::read(const Caller& caller, std::string_view id, std::string_view pointer,
                  std::string_view fields, const Conditions& conditions) const {
  if (!may_see(caller, here(), id)) return not_allowed(caller, "see the twin", id);
  const engine::Twin* twin = store_.find(id);
  if (twin == nullptr) return nothing_at(id, pointer, false);
  Reply reply;
  // The tag is of the whole part, whatever is selected of it.
  auto json = twin->json(id, pointer);
  if (!json && json.error().code == Code::not_found) return nothing_at(id, pointer, true);
  if (!json) return refused(json.error());
  reply.etag = etag_of(*twin, pointer, *json);
  if (auto why_not = unmet(conditions, Access::read, id, twin, reply.etag)) return *std::move(why_not);
  if (!fields.empty()) {
    json = twin->json(id, pointer, fields);
    if (!json) return refused(json.error());
  }
  reply.body = std::move(*json);
  return reply;
}

Reply Twins::make(const Caller& caller, const TwinChangeRequest& request) {
  if (!may_change(caller, here(), request.id, request.pointer))
    return not_allowed(caller, "change " + (request.pointer.empty() ? "the twin" : request.pointer),
                       request.id);
  const bool removes = request.kind == Kind::remove;
  const engine::Twin* twin = store_.find(request.id);
  // Whose twin it is may begin it by any part; operators make it first, so that a slip in an id is seen.
  const bool owner = caller.kind == Caller::Kind::device || caller.kind == Caller::Kind::node;
  if (twin == nullptr && (removes || (!request.pointer.empty() && !owner)))
    return nothing_at(request.id, request.pointer, false);
  if (twin != nullptr && request.kind == Kind::create)
    return refused(409, "things:thing.conflict", "there is a twin '" + request.id + "' already");

  // Text is made only for who wants it: the log, and the tag of a part.
  const bool part = !request.pointer.empty();
  std::string before, etag;
  if (twin != nullptr && (audit_ || (part && request.conditions.on_etag()))) {
    if (auto json = twin->json(request.id, request.pointer)) before = std::move(*json);
  }
  if (twin != nullptr && (!part || !before.empty()))
    etag = etag_of(*twin, request.pointer, before);
  if (auto why_not = unmet(request.conditions, Access::write, request.id, twin, etag))
    return *std::move(why_not);
  if (auto why_not = foreign_id(request)) return *std::move(why_not);

  Reply reply;
  bool changed = true;
  if (removes && request.pointer.empty()) {
    if (const auto removed = store_.remove(request.id); !removed) return refused(removed.error());
    reply.status = 204;
  } else {
    const auto change =
        store_.edit(request.id, {edit_kind(request.kind), request.pointer, request.json});
    if (!change && removes && change.error().code == Code::not_found)
      return nothing_at(request.id, request.pointer, true);
    if (!change) {
      Reply why = refused(change.error());
      if (change.error().code == Code::exhausted && breaks_limits(twin, request)) why.status = 413;
      return why;
    }
    changed = change->changed;
    if (!changed && request.conditions.if_equal == Conditions::IfEqual::skip) reply.status = 304;
    else reply.status = change->created && !removes ? 201 : 204;
  }
  std::string after;
  twin = store_.find(request.id);
  if (twin != nullptr && (part || audit_ || reply.status == 201)) {
    if (auto json = twin->json(request.id, request.pointer)) after = std::move(*json);
    if (reply.status == 201) reply.body = after;
  }
  if (twin != nullptr && (!part || !after.empty()))
    reply.etag = etag_of(*twin, request.pointer, after);
  if (changed)
    note(caller, {std::string(action(request.kind)), request.id + request.pointer,
                  cut(std::move(before)), cut(std::move(after))});
  return reply;
}

void Twins::change(const Caller& caller, const TwinChangeRequest& request,
                   std::function<void(Reply)> done) {
  Reply reply = make(caller, request);
  if (reply.failed()) return done(std::move(reply));
  store_.commit([reply = std::move(reply), done = std::move(done)]() mutable {
    done(std::move(reply));
  });
}

}  // namespace selvedge::things
