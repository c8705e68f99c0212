// fetch_bench MODE URL N: N GETs of one small document, and what they cost.
//
// MODE is one of
//   ours        http::Client, all at once
//   curl        libcurl, one by one, one handle, so the connection is kept
//   curl_multi  libcurl's multi interface, all at once
// Prints one line of JSON: mode, answers that were right, seconds, CPU seconds of this process. The
// clock starts when the program is ready to send its first request.

#include <curl/curl.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "net/http/http.h"

namespace {

using namespace selvedge;
namespace http = net::http;

constexpr std::size_t expected_bytes = 71;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class Meter {
 public:
  void report(const char* mode, std::size_t requests, std::size_t right) const {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start_;
    std::printf(R"({"mode":"%s","requests":%zu,"right":%zu,"seconds":%.6f,"cpu_seconds":%.6f})" "\n",
                mode, requests, right, took.count(), cpu_seconds() - cpu_);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double cpu_ = cpu_seconds();
};

int ours(const std::string& url, std::size_t count) {
  auto world = os::RealWorld::create();
  if (!world) return 1;
  http::Client client(**world, {}, nullptr);
  const Meter meter;
  std::vector<http::Fetch> fetches(count);
  for (http::Fetch& fetch : fetches) fetch.url = url;
  http::fetch_all(client, std::move(fetches), [&](std::vector<base::Result<http::Fetched>> all) {
    std::size_t right = 0;
    for (const auto& one : all) right += one && one->body.size() == expected_bytes;
    meter.report("ours", count, right);
    for (const auto& one : all) {
      if (one) continue;
      std::fprintf(stderr, "%s\n", one.error().message.c_str());
      break;
    }
    (*world)->stop();
  });
  (*world)->run({});
  return 0;
}

std::size_t take(char* data, std::size_t size, std::size_t count, void* into) {
  static_cast<std::string*>(into)->append(data, size * count);
  return size * count;
}

CURL* handle(const std::string& url, std::string& body) {
  CURL* easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
  return easy;
}

int curl_one_by_one(const std::string& url, std::size_t count) {
  std::string body;
  std::size_t right = 0;
  const Meter meter;
  CURL* easy = handle(url, body);
  for (std::size_t i = 0; i < count; ++i) {
    body.clear();
    right += curl_easy_perform(easy) == CURLE_OK && body.size() == expected_bytes;
  }
  meter.report("curl", count, right);
  curl_easy_cleanup(easy);
  return 0;
}

int curl_at_once(const std::string& url, std::size_t count) {
  std::vector<std::string> bodies(count);
  std::vector<CURL*> handles;
  const Meter meter;
  CURLM* multi = curl_multi_init();
  for (std::string& body : bodies) {
    handles.push_back(handle(url, body));
    curl_multi_add_handle(multi, handles.back());
  }
  for (int running = 1; running > 0;) {
    curl_multi_perform(multi, &running);
    if (running > 0) curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
  }
  std::size_t right = 0;
  for (const std::string& body : bodies) right += body.size() == expected_bytes;
  meter.report("curl_multi", count, right);
  for (CURL* easy : handles) {
    curl_multi_remove_handle(multi, easy);
    curl_easy_cleanup(easy);
  }
  curl_multi_cleanup(multi);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: fetch_bench ours|curl|curl_multi URL N\n");
    return 2;
  }
  const std::string_view mode = argv[1];
  const std::size_t count = std::strtoul(argv[3], nullptr, 10);
  if (mode == "ours") return ours(argv[2], count);
  curl_global_init(CURL_GLOBAL_ALL);
  return mode == "curl" ? curl_one_by_one(argv[2], count) : curl_at_once(argv[2], count);
}
