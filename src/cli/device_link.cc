#include "cli/device_link.h"
#include "os/file_at.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr std::uint64_t most_pem_bytes = 64 << 10;

}  // namespace

std::vector<Flag> device_link_flags(std::vector<Flag> more) {
  std::vector<Flag> flags = {
      {"to", "URL", "mqtt://host:port or mqtts://host:port.", "mqtt://127.0.0.1:1883"},
      {"username", "NAME", "For a node that wants a password."},
      {"password", "TEXT", "With --username.", {}, "SELVEDGE_DEVICE_PASSWORD"},
      {"ca", "FILE", "CA of the node, for mqtts://."},
      {"cert", "FILE", "Client certificate, for mqtts://."},
      {"key", "FILE", "Its key."},
      {"mqtt-3", "", "Speak MQTT 3.1.1 instead of 5."}};
  flags.insert(flags.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return flags;
}

Result<client::DeviceOptions> device_options(const Arguments& arguments, os::World& world) {
  client::DeviceOptions options;
  const auto url = TRY(base::while_doing("--to", client::parse_device_url(
                                                     arguments.text("to", "mqtt://127.0.0.1:1883"))));
  options.node = url.node;
  if (url.tls) {
    os::TlsConfig tls;
    if (!arguments.has("ca")) return fail(Code::invalid_input, "mqtts:// needs --ca FILE");
    tls.trusted = TRY(base::while_doing("--ca", os::read_text(world, arguments.text("ca"), most_pem_bytes)));
    if (arguments.has("cert")) {
      tls.certificate = TRY(base::while_doing("--cert", os::read_text(world, arguments.text("cert"), most_pem_bytes)));
      tls.key = TRY(base::while_doing("--key", os::read_text(world, arguments.text("key"), most_pem_bytes)));
    }
    options.tls = TRY(world.network().client_tls(tls));
  }
  if (arguments.has("username")) options.username = arguments.text("username");
  if (arguments.has("password")) options.password = arguments.text("password");
  if (arguments.has("mqtt-3")) options.version = codec::mqtt::Version::v311;
  return options;
}

}  // namespace selvedge::cli
