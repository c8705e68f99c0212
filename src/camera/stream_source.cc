// A stream over HTTP, or an address that answers with one picture, as a source.

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "camera/attempts.h"
#include "camera/quiet.h"
#include "codec/image/image.h"
#include "codec/mjpeg/splitter.h"
#include "net/http/http.h"

namespace selvedge::camera {
namespace {

using codec::mjpeg::Splitter;
using net::http::Fetched;

// "Image/JPEG; q=1" -> "image/jpeg"
std::string media_type(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  for (char& c : type)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return type;
}

// What a person may see of an address: cameras take passwords in the query, and before the host.
std::string shown(std::string_view url) {
  std::string address(url.substr(0, url.find_first_of("?#")));
  const std::size_t scheme = address.find("://"), host = scheme == std::string::npos ? 0 : scheme + 3;
  const std::size_t at = address.substr(0, address.find('/', host)).rfind('@');
  if (at != std::string::npos && at >= host) address.erase(host, at + 1 - host);
  return address;
}

net::http::ClientLimits limits_of(const StreamOptions& options) {
  net::http::ClientLimits limits;
  limits.connections = limits.connections_per_host = 1;
  limits.waiting = 1;
  limits.body_bytes = Source::most_picture_bytes;
  limits.timeout = options.silence;
  limits.idle_timeout = std::max(options.every * 2, limits.idle_timeout);
  return limits;
}

class StreamSource final : public Source {
 public:
  StreamSource(os::World& world, StreamOptions options, std::shared_ptr<os::Tls> tls, Sink& sink)
      : world_(world), options_(std::move(options)), sink_(sink), shown_(shown(options_.url)),
        client_(world, limits_of(options_), std::move(tls)), attempts_(world, [this] { ask(); }),
        quiet_(world.loop(), options_.silence, [this] { fail("no picture for " + base::to_string(options_.silence)); }) {}
  ~StreamSource() override { transfer_.cancel(); }

  void start() override { attempts_.begin_in({}); }
  SourceStatus status() const override { return attempts_.status; }

 private:
  void ask() {
    splitter_.reset();
    picture_.reset();
    if (const auto url = net::http::parse_url(options_.url); !url) {
      const std::string& why = url.error().message;        // parse URL "...": why
      return fail(why.substr(std::min(why.rfind("\": ") + 3, why.size())));
    }
    net::http::Fetch fetch;
    fetch.url = options_.url;
    fetch.headers.emplace_back("accept", "multipart/x-mixed-replace, image/jpeg, image/png, video/x-motion-jpeg, */*;q=0.1");
    if (!options_.authorization.empty()) fetch.headers.emplace_back("authorization", options_.authorization);
    fetch.on_head = [this](const Fetched& head) { on_head(head); };
    fetch.on_body = [this](base::BytesView piece) { on_body(piece); };
    asked_ = world_.loop().now();
    quiet_.start();
    transfer_ = client_.fetch(std::move(fetch), [this](base::Result<Fetched> result) { on_end(std::move(result)); });
  }

  void on_head(const Fetched& head) {
    if (head.status != 200) return fail("HTTP status " + std::to_string(head.status) + meaning(head));
    const std::string_view content_type = head.header("content-type");
    const std::string type = media_type(content_type);
    if (const auto boundary = codec::mjpeg::boundary_of(content_type)) {
      splitter_ = Splitter::multipart(*boundary, most_picture_bytes);
    } else if (type.empty() || type == "application/octet-stream" || type == "video/x-motion-jpeg" ||
               type == "video/mjpeg" || type == "video/x-mjpeg") {
      splitter_ = Splitter::raw(most_picture_bytes);
    } else if (type.starts_with("image/")) {
      picture_.emplace();
    } else {
      fail("it answers with \"" + base::printable(type, 80) + "\", which is neither a stream of pictures nor a picture");
    }
  }

  static std::string meaning(const Fetched& head) {
    if (head.status == 401 || head.status == 403) return ": it wants other credentials";
    const std::string_view elsewhere = head.header("location");
    if (head.status >= 300 && head.status < 400 && !elsewhere.empty())
      return ": it is elsewhere now, at " + base::printable(shown(elsewhere), 200);
    return "";
  }

  void on_body(base::BytesView piece) {
    if (picture_) return gather(piece);
    if (!splitter_) return;
    const std::weak_ptr<void> here = here_;
    while (const auto found = splitter_->next(piece)) {
      hand_on({found->begin(), found->end()});
      if (here.expired()) return;
    }
    count_broken();
    if (splitter_->ended()) fail("the stream ended");
  }

  void gather(base::BytesView piece) {
    if (piece.size() > most_picture_bytes - picture_->size()) {
      ++attempts_.status.broken;
      return fail("the picture is larger than " + base::size_text(most_picture_bytes));
    }
    base::append(*picture_, piece);
  }

  void count_broken() {
    attempts_.status.broken += splitter_->dropped() - dropped_;
    dropped_ = splitter_->dropped();
  }

  void hand_on(base::Bytes file) {
    quiet_.heard();
    attempts_.works();
    ++attempts_.status.pictures;
    sink_.picture(std::move(file), world_.loop().wall_now());   // this may be gone then
  }

  void on_end(base::Result<Fetched> result) {
    if (!result) return fail(std::move(result).error().message);
    if (!picture_) return fail("the stream ended");
    if (!codec::format_of(*picture_)) {
      ++attempts_.status.broken;
      return fail("what came is no picture, though it says it is");
    }
    quiet_.stop();
    const base::Duration took = world_.loop().now() - asked_;
    attempts_.begin_in(std::max(options_.every - took, Attempts::shortest));
    hand_on(*std::exchange(picture_, std::nullopt));
  }

  // Ends the attempt.
  void fail(std::string why) {
    transfer_.cancel();
    quiet_.stop();
    if (splitter_) {
      count_broken();
      if (splitter_->within_picture()) ++attempts_.status.broken;   // cut off
      splitter_.reset();
      dropped_ = 0;
    }
    picture_.reset();
    // The client's own errors name the address, and all of it.
    if (const std::size_t at = why.find(options_.url); at != std::string::npos) {
      why.replace(at, options_.url.size(), shown_);
    } else {
      why.insert(0, "GET " + shown_ + ": ");
    }
    attempts_.failed(why);
  }

  os::World& world_;
  StreamOptions options_;
  Sink& sink_;
  std::string shown_;                              // of the address
  std::optional<Splitter> splitter_;               // of a stream
  std::uint64_t dropped_ = 0;                      // by it, and counted
  std::optional<base::Bytes> picture_;             // of an address that answers with one, as far as it has come
  base::Instant asked_{};
  std::shared_ptr<char> here_ = std::make_shared<char>();
  net::http::Client client_;
  net::http::Transfer transfer_;
  Attempts attempts_;
  Quiet quiet_;
};

}  // namespace

std::unique_ptr<Source> stream_source(os::World& world, StreamOptions options, std::shared_ptr<os::Tls> tls, Sink& sink) {
  return std::make_unique<StreamSource>(world, std::move(options), std::move(tls), sink);
}

}  // namespace selvedge::camera
