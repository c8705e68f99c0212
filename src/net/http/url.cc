#include "net/http/url.h"

#include <algorithm>

#include "base/text.h"
#include "net/http/http.h"

namespace selvedge::net::http {

namespace {

using base::Code;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool climbs(std::string_view path) {
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (path.substr(0, slash) == "..") return true;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return false;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

base::Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> query;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    query.emplace_back(TRY(percent_decode(pair.substr(0, equals), Plus::is_space)),
                       TRY(percent_decode(value, Plus::is_space)));
  }
  return query;
}

// host, host:port, [v6], [v6]:port
base::Result<void> parse_authority(std::string_view text, Url& url) {
  std::string_view host = text, port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return base::fail(Code::invalid_input, "unclosed bracket");
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    const bool fits = std::all_of(host.begin(), host.end(),
                                  [](char c) { return hex_digit(c) >= 0 || c == ':' || c == '.'; });
    if (!fits) return base::fail(Code::invalid_input, "not an IPv6 address in brackets");
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    host = text.substr(0, colon);
    port = text.substr(colon);
    const bool fits = std::all_of(host.begin(), host.end(), [](char c) {
      return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_';
    });
    if (!fits) return base::fail(Code::invalid_input, "the host has characters it may not have");
  }
  if (host.empty()) return base::fail(Code::invalid_input, "no host");
  url.host = lower_case(host);
  if (port.empty()) return {};
  const auto number = port.front() == ':' ? base::parse_int(port.substr(1)) : std::nullopt;
  if (!number || *number < 1 || *number > 65535) {
    return base::fail(Code::invalid_input, "the port is not a number from 1 to 65535");
  }
  url.port = static_cast<std::uint16_t>(*number);
  return {};
}

base::Result<Url> parse(std::string_view text) {
  Url url;
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) {
    return base::fail(Code::invalid_input, "no scheme; write http:// or https://");
  }
  url.scheme = lower_case(text.substr(0, colon));
  if (url.scheme == "http") {
    url.port = 80;
  } else if (url.scheme == "https") {
    url.port = 443;
  } else {
    return base::fail(Code::invalid_input, "the scheme is neither http nor https");
  }
  text = text.substr(colon + 3);
  text = text.substr(0, text.find('#'));
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  if (text.substr(0, end).contains('@')) {
    return base::fail(Code::invalid_input, "names and passwords in a URL are not supported");
  }
  TRY(parse_authority(text.substr(0, end), url));
  url.target = text.substr(end);
  if (!url.target.starts_with('/')) url.target.insert(0, 1, '/');
  const bool fits =
      std::all_of(url.target.begin(), url.target.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (!fits) {
    return base::fail(Code::invalid_input, "spaces and letters beyond ASCII must be escaped");
  }
  return url;
}

}  // namespace

base::Result<Url> parse_url(std::string_view text) {
  return base::while_doing("parse URL \"" + base::printable(text) + "\"", parse(text));
}

base::Result<std::string> percent_decode(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == Plus::is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = high < 0 ? -1 : hex_digit(text[i + 2]);
      if (low < 0) return base::fail(Code::invalid_input, "an escape is not % and two hex digits");
      const int byte = high * 16 + low;
      if (byte == 0) return base::fail(Code::invalid_input, "an escape hides a NUL");
      out += static_cast<char>(byte);
      i += 2;
    }
  }
  return out;
}

base::Result<Target> parse_target(std::string_view text) {
  if (text == "*") return Target{"*", {}};
  if (!text.starts_with('/')) {
    const Url url = TRY(parse_url(text));
    return parse_target(url.target);
  }
  const std::size_t mark = std::min(text.find('?'), text.size());
  Target target;
  target.path = TRY(percent_decode(text.substr(0, mark), Plus::is_plus));
  if (climbs(target.path)) return base::fail(Code::invalid_input, "the path climbs with \"..\"");
  target.query = TRY(parse_query(text.substr(std::min(mark + 1, text.size()))));
  return target;
}

bool is_token(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter_or_digit(c) || marks.contains(c);
  });
}

bool is_header_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
  });
}

}  // namespace selvedge::net::http
