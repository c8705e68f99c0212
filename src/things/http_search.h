// http_search: lists of twins: which match, in which order, page by page.
//
// An answer that an index or a short look gives comes at once; else the twins are visited a few
// thousand a turn of the loop, so that a search among a million holds nobody up. What is kept
// meanwhile is one page. Twins that change while they are searched may be in the answer or not.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "os/world.h"
#include "store/twin_store.h"
#include "things/http_access.h"

namespace selvedge::things {

struct SortKey {
  std::string field;                   // "thingId", "attributes/a", "features/F/properties/p", "_modified"
  bool descending = false;
};

struct SearchRequest {
  std::string filter;                  // RQL
  std::vector<std::string> namespaces; // names of nodes; none: all
  std::vector<SortKey> sort;           // none: by id
  std::size_t size = 25;
  std::string cursor;                  // as an earlier answer gave it

  // "sort(-attributes/a,+thingId),size(10),cursor(..)" of option=. Code::invalid_input.
  base::Result<void> take_options(std::string_view option);
  // namespaces=a,b
  base::Result<void> take_namespaces(std::string_view list);
};

struct SearchPage {
  std::vector<model::TwinId> ids;
  std::string next;                    // cursor of what follows; "" at the end
};

// How many twins of it a turn of the loop visits.
inline constexpr std::size_t visits_a_turn = 4000;
inline constexpr std::size_t largest_page = 1000;

// `done` is called at once or later, once. `store` must outlive the answer, unless `alive` expires.
void search_twins(os::World& world, store::TwinStore& store, std::weak_ptr<void> alive,
                  const Sight& sight, const SearchRequest& request,
                  std::function<void(base::Result<SearchPage>)> done);
void count_twins(os::World& world, store::TwinStore& store, std::weak_ptr<void> alive,
                 const Sight& sight, const SearchRequest& request,
                 std::function<void(base::Result<std::uint64_t>)> done);

// The JSON text of a field that can be sorted by; "" if there is none.
std::string sort_value(const engine::Twin& twin, std::string_view id, std::string_view field);
// Below 0, 0, above 0. What is absent comes first, then numbers, texts, truth values, the rest.
int compare_values(std::string_view a, std::string_view b);

}  // namespace selvedge::things
