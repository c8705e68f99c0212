#include "things/event_hub.h"

#include <algorithm>

#include "base/text.h"

namespace selvedge::things {

namespace {

std::size_t size_of(const TwinNews& news) {
  return sizeof news + news.id.size() + news.difference.size();
}

std::string hex(std::uint64_t number) {
  std::array<std::uint8_t, 8> bytes{};
  for (std::uint8_t& byte : bytes) {
    byte = static_cast<std::uint8_t>(number >> 56);
    number <<= 8;
  }
  return base::to_hex(bytes);
}

}  // namespace

bool Interest::wants(std::string_view id, const engine::Twin* twin) const {
  if (!sight.only.empty() ? id != sight.only : !id.starts_with(sight.prefix)) return false;
  if (!ids.empty() && !std::ranges::binary_search(ids, id)) return false;
  if (!namespaces.empty() && std::ranges::find(namespaces, model::twin_node(id)) == namespaces.end())
    return false;
  return !filter || twin == nullptr || filter->matches(id, *twin);
}

EventHub::EventHub(os::World& world, store::TwinStore& store, EventHubLimits limits)
    : world_(world), store_(store), limits_(limits), token_(world.random_u64()) {
  watch_ = store_.watch([this](const store::TwinEvent& event) { happened(event); });
}

EventHub::~EventHub() {
  store_.unwatch(watch_);
}

base::Result<void> EventHub::listen(std::shared_ptr<EventListener> listener, Interest interest) {
  if (listeners_.size() >= limits_.listeners)
    return base::fail(base::Code::exhausted, "too many listen to changes of twins");
  ever_listened_ = true;
  EventListener* const at = listener.get();
  // What happened already and waits for the disk has yet to be told to everyone.
  for (Waiting& waiting : waiting_)
    if (interest.wants(waiting.news->id, twin_of(*waiting.news))) waiting.to.push_back(at);
  listeners_.insert_or_assign(at, Entry{std::move(listener), std::move(interest)});
  return {};
}

void EventHub::leave(EventListener& listener) {
  // It may be what called us: it dies when it has returned.
  const auto at = listeners_.find(&listener);
  if (at == listeners_.end()) return;
  world_.loop().defer([last = std::move(at->second.listener)] {});
  listeners_.erase(at);
  // A later listener may lie at the same place in memory.
  for (Waiting& waiting : waiting_) std::erase(waiting.to, &listener);
}

std::string EventHub::place() const { return hex(token_) + "-" + std::to_string(told_); }
std::string EventHub::place(const TwinNews& news) const {
  return hex(token_) + "-" + std::to_string(news.number);
}

bool EventHub::catch_up(EventListener& listener, std::string_view place) {
  const auto entry = listeners_.find(&listener);
  const std::size_t dash = std::min(place.find('-'), place.size());
  const auto number = base::parse_int(place.substr(std::min(dash + 1, place.size())));
  if (entry == listeners_.end() || place.substr(0, dash) != hex(token_) || !number || *number < 0)
    return false;
  const auto behind = static_cast<std::uint64_t>(*number);
  const std::uint64_t first_kept = kept_.empty() ? told_ + 1 : kept_.front()->number;
  if (behind > told_ || behind + 1 < first_kept) return false;
  const Interest interest = entry->second.interest;
  const auto kept = kept_;             // telling may change who listens, and what is kept
  for (const auto& news : kept) {
    if (news->number <= behind) continue;
    if (interest.wants(news->id, twin_of(*news))) listener.tell(*news);
    if (!listeners_.contains(&listener)) break;
  }
  return true;
}

void EventHub::happened(const store::TwinEvent& event) {
  if (!ever_listened_) return;
  const bool removed = event.kind == store::TwinEvent::Kind::removed;
  if (!removed && (event.change == nullptr || event.change->difference.empty())) return;
  auto news = std::make_shared<TwinNews>();
  news->kind = event.kind;
  news->number = ++number_;
  news->id = event.id;
  if (event.change != nullptr) news->revision = event.change->revision;
  if (event.twin != nullptr) {
    news->modified_ms = event.twin->modified_ms();
    news->revision = event.twin->revision();
  }
  if (!removed) news->difference = event.change->difference;
  Waiting waiting{news, {}};
  for (const auto& [listener, entry] : listeners_)
    if (entry.interest.wants(event.id, event.twin)) waiting.to.push_back(listener);
  waiting_bytes_ += size_of(*news);
  waiting_.push_back(std::move(waiting));
  if (waiting_bytes_ > limits_.waiting_bytes) forget();
  plan();
}

const engine::Twin* EventHub::twin_of(const TwinNews& news) const {
  return news.kind == store::TwinEvent::Kind::removed ? nullptr : store_.find(news.id);
}

// The disk is too slow, or broken.
void EventHub::forget() {
  waiting_.clear();
  waiting_bytes_ = 0;
  kept_.clear();
  kept_bytes_ = 0;
  forgot_ = true;
}

void EventHub::plan() {
  if (std::exchange(planned_, true)) return;
  // Not from within an edit: the store may not have it in its log yet.
  world_.loop().defer([this, life = std::weak_ptr<char>(life_)] {
    if (life.expired()) return;
    const std::uint64_t up_to = number_;
    store_.commit([this, life, up_to] {
      if (!life.expired()) publish(up_to);
    });
  });
}

void EventHub::publish(std::uint64_t up_to) {
  planned_ = false;
  if (std::exchange(forgot_, false)) {
    told_ = std::max(told_, up_to);
    std::vector<std::shared_ptr<EventListener>> all;
    for (const auto& [at, entry] : listeners_) all.push_back(entry.listener);
    for (const auto& listener : all)
      if (listeners_.contains(listener.get())) listener->missed();
  }
  while (!waiting_.empty() && waiting_.front().news->number <= up_to) {
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= size_of(*next.news);
    told_ = next.news->number;
    keep(next.news);
    for (EventListener* listener : next.to)
      if (listeners_.contains(listener)) listener->tell(*next.news);
  }
  if (!waiting_.empty()) plan();
}

void EventHub::keep(std::shared_ptr<const TwinNews> news) {
  kept_bytes_ += size_of(*news);
  kept_.push_back(std::move(news));
  while (kept_.size() > limits_.kept || kept_bytes_ > limits_.kept_bytes) {
    kept_bytes_ -= size_of(*kept_.front());
    kept_.pop_front();
  }
}

}  // namespace selvedge::things
