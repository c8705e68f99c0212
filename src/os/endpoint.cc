#include "base/text.h"
#include "os/stream.h"

namespace selvedge::os {

std::string Endpoint::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

base::Result<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon == std::string_view::npos ? 0 : colon);
  const auto port = base::parse_int(colon == std::string_view::npos ? "" : text.substr(colon + 1));
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!port || *port < 0 || *port > 65535 || host.size() > 255 ||
      (!bracketed && host.find(':') != std::string_view::npos))
    return base::fail(base::Code::invalid_input,
                      "address '" + base::printable(text) + "': expected host:port, :port or [v6]:port");
  return Endpoint{std::string(host), static_cast<std::uint16_t>(*port)};
}

}  // namespace selvedge::os
