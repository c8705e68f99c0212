// SiteDocuments: what each task of a site is, so that any member can run it when it is lost.
//
// The member that holds a task says what it is, under the version of its claim; a later claim, or a later word of the
// same holder, counts more, and an empty document means that the cloud withdrew it. So what is known merges in any
// order, and an old document never comes back: a withdrawn one stays known as such.
//
// Bounds: Limits; what is beyond is refused and counted. When there are too many, withdrawn ones go first. Pure; belongs
// to one thread.

#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>

namespace selvedge::engine {

struct SiteDocument {
  std::string task;
  std::uint64_t generation = 0, epoch = 0;         // of the claim under which its holder says it
  std::uint64_t change = 0;                        // of its holder's words
  std::string json;                                // the task, as codec/task writes it; "": withdrawn

  // Of what counts more; a withdrawal more than what it withdraws.
  auto version() const { return std::tuple(generation, epoch, change, json.empty()); }
  friend bool operator==(const SiteDocument&, const SiteDocument&) = default;
};

class SiteDocuments {
 public:
  struct Limits {
    std::uint32_t documents = 2'000;               // with those that are withdrawn
    std::uint64_t bytes = std::uint64_t{16} << 20;
    std::uint32_t document_bytes = 64 << 10;
  };

  SiteDocuments() = default;
  explicit SiteDocuments(Limits limits) : limits_(limits) {}

  // Whether it is news.
  bool take(SiteDocument document);
  // What its holder says of it now; nothing if it said so before. "": withdrawn.
  const SiteDocument* say(const std::string& task, std::uint64_t generation, std::uint64_t epoch, std::string json);
  const SiteDocument* withdraw(const std::string& task);

  // nullptr: not known, or withdrawn.
  const SiteDocument* find(const std::string& task) const;
  // With those that are withdrawn.
  void each(const std::function<void(const SiteDocument&)>& visit) const;
  std::uint64_t refused() const { return refused_; }

 private:
  bool make_room(const SiteDocument& document);

  Limits limits_;
  std::map<std::string, SiteDocument> documents_;
  std::uint64_t bytes_ = 0, refused_ = 0;
};

}  // namespace selvedge::engine
