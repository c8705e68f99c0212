// Twins: reading and changing twins for somebody: permissions, conditions, limits, the audit log, and
// answers that wait for the disk. HTTP and the Ditto protocol both come here.
//
// A change answers 2xx only after TwinStore::commit. Belongs to the loop thread; must live as long as
// its store's commits are under way (callbacks hold no reference to it).

#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "net/api/access.h"
#include "store/twin_store.h"
#include "things/http_conditions.h"
#include "things/http_reply.h"

namespace selvedge::things {

struct TwinChangeRequest {
  enum class Kind : std::uint8_t { create, put, merge, patch, remove };
  Kind kind{};
  model::TwinId id;
  std::string pointer;                 // checked by check_pointer()
  std::string json;
  Conditions conditions;
};

class Twins {
 public:
  // `here` gives the name of this node, which may join under another; empty in the cloud.
  Twins(store::TwinStore& store, std::function<std::string()> here, net::api::Audit audit)
      : store_(store), here_(std::move(here)), audit_(std::move(audit)) {}

  store::TwinStore& store() const { return store_; }
  std::string here() const { return here_ ? here_() : std::string(); }

  Reply read(const net::api::Caller& caller, std::string_view id, std::string_view pointer,
             std::string_view fields, const Conditions& conditions) const;
  // `done` is not called within the call, except with what was refused.
  void change(const net::api::Caller& caller, const TwinChangeRequest& request,
              std::function<void(Reply)> done);
  void note(const net::api::Caller& caller, net::api::Change what) const {
    if (audit_) audit_(caller, std::move(what));
  }

 private:
  Reply make(const net::api::Caller& caller, const TwinChangeRequest& request);

  store::TwinStore& store_;
  std::function<std::string()> here_;
  net::api::Audit audit_;
};

// 404 in Ditto's words, by what is missing.
Reply nothing_at(std::string_view id, std::string_view pointer, bool twin_exists);

}  // namespace selvedge::things
