// Site: this node as a member of a site, whose nodes agree without the cloud who runs a task, and run what a lost one ran.
//
// engine::SiteView decides; this brings it beats, says what runs where it says so, and keeps what tasks are. Who holds a
// task tells every member its document, so that each can take it over; a document goes when the cloud withdraws the
// wish from whoever holds the task. What was taken over runs here without a wish of the cloud's. The cloud learns it from
// this node's reports, and wishes it here then; if it was told of it for `unclaimed` and did not, it wants it no more,
// and it ends. docs/spec/site.md.
//
// With fewer than three members there is nothing to agree on: such a site is not made. Bounded by SiteLimits,
// SiteDocuments::Limits and SiteLinksLimits. Belongs to the loop thread.

#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/site/site.h"
#include "model/task.h"
#include "node/site_links.h"

namespace selvedge::node {

inline constexpr std::size_t least_site_members = 3;

struct SiteConfig {
  std::string name, self;
  std::string state;                               // of the node
  std::string listen;
  std::map<std::string, os::Endpoint> members;     // of all; this node's own counts for nothing
  base::Duration unclaimed = std::chrono::seconds(30);
  SiteLinksLimits links;
};

// The tasks of this node, as the site sees them.
class SiteTasks {
 public:
  virtual ~SiteTasks() = default;
  // It may run here from now on. `document`: of one that is not wished for here, else "".
  virtual void site_run(const std::string& task, const std::string& document) = 0;
  // It is to end within its grace; Site::ended() is said when nothing of it runs, perhaps at once.
  enum class Ends : std::uint8_t { until_it_may, for_good };
  virtual void site_end(const std::string& task, Ends ends, const std::string& why) = 0;
  // Why it does not run, where it is wished for.
  virtual void site_says(const std::string& task, const std::string& why) = 0;
  virtual bool site_can_run(const model::Task& task) = 0;
  // What is not wished for here, and this node may have to run, or runs.
  virtual void site_stand_by(std::vector<model::Task> tasks) = 0;
  virtual std::uint32_t site_load() = 0;           // thousandths
};

class Site {
 public:
  static base::Result<std::unique_ptr<Site>> create(os::World& world, SiteConfig config, const SiteTrust& trust, SiteTasks& tasks,
                                                    base::Registry& metrics);
  ~Site();

  // Nothing of the site's tasks runs on this node: it may take part.
  void begin();
  void stop();

  // What the cloud wishes of this node, of the site's tasks: documents by name. Again if a value is another.
  void wishes(const std::map<std::string, std::string>& documents);
  void ended(const std::string& task);
  void look_again() { own_soon(); }                // site_can_run() may answer otherwise
  // It cannot be run here after all.
  void give_up(const std::string& task);
  void connected();                                // to the cloud
  void contact(base::Instant sent);                // the cloud knew all that was reported then, and its wishes are here

  base::Result<void> replace(const SiteTrust& trust) { return links_->replace(trust); }
  void recheck(const SiteTrust& trust) { links_->recheck(trust); }
  std::string status_json() const;

 private:
  struct Wish {
    std::string json;
    engine::SiteTask task;
  };
  struct Held {
    engine::SiteTask task;
    bool running = false;                          // it was said to
    base::Instant since{};
    std::optional<base::Instant> told;             // the first contact after that, on this connection
  };

  Site(os::World& world, SiteConfig config, std::uint64_t incarnation, SiteTasks& tasks, base::Registry& metrics);
  void received(const std::string& member, engine::SiteFrame frame);
  void opened(const std::string& member);
  void step(engine::SiteInput input);
  void carry_out(engine::SiteOutputs& out);
  void run(const engine::SiteTask& task);
  void end(const engine::SiteEnd& one);
  void say(const engine::SiteDocument* document);
  void own();
  void own_soon();
  void look();
  void arm();
  std::string why_not(const std::string& task) const;
  const model::Task* read(const engine::SiteDocument& document);
  void make_metrics(base::Registry& metrics);

  os::World& world_;
  SiteConfig config_;
  const std::uint64_t incarnation_;
  SiteTasks& tasks_;
  std::unique_ptr<SiteLinks> links_;
  std::unique_ptr<engine::SiteView> view_;         // from begin() to stop()
  engine::SiteDocuments documents_;
  std::map<std::string, std::pair<std::string, model::Task>> read_;        // documents, read
  std::map<std::string, Wish> wishes_;
  std::map<std::string, Held> held_;
  std::map<std::string, base::Instant> unfit_;     // not tried here again before
  std::map<std::string, base::Instant> heard_;     // of members, last
  std::map<std::string, std::string> said_;        // why_not, of wishes
  std::deque<engine::SiteInput> inputs_;
  bool stepping_ = false, own_planned_ = false, stopped_ = false, fenced_told_ = true;
  std::optional<engine::SiteBeat> last_;
  os::TimerId timer_ = os::TimerId::none, look_timer_ = os::TimerId::none;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  base::Counter* taken_ = nullptr;
};

}  // namespace selvedge::node
