#include "node/reconcile_devices.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "codec/json/value.h"
#include "crypto/crypto.h"

namespace selvedge::node {

using base::Code;
using base::Result;

namespace {

constexpr std::size_t most_revoked = 64, most_serial = 64;

Result<std::string> serial_of(const codec::json::Value& value) {
  std::string serial = value.text();
  std::erase(serial, ':');
  for (char& c : serial) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (serial.empty() || serial.size() > most_serial ||
      serial.find_first_not_of("0123456789abcdef") != std::string::npos)
    return base::fail(Code::invalid_input, "expected the serial of a certificate in hex");
  return serial;
}

Result<DeviceWish> parse(const std::string& name, const std::string& json) {
  if (!crypto::is_name(name))
    return base::fail(Code::invalid_input, "'" + base::printable(name) + "' is no device name");
  const auto value = TRY(codec::json::parse(json, 64 << 10));
  if (!value.is_object())
    return base::fail(Code::invalid_input, "expected an object with disabled, certificate or revoked");
  DeviceWish wish;
  for (const auto& [key, member] : value.object()) {
    if (key == "disabled") {
      if (!member.is_boolean()) return base::fail(Code::invalid_input, "disabled: expected true or false");
      wish.disabled = member.boolean();
    } else if (key == "certificate") {
      wish.certificate = TRY(base::while_doing("certificate", serial_of(member)));
    } else if (key == "revoked") {
      if (!member.is_array() || member.array().size() > most_revoked)
        return base::fail(Code::invalid_input, "revoked: expected an array of at most 64 serials");
      for (const auto& serial : member.array())
        wish.revoked.push_back(TRY(base::while_doing("revoked", serial_of(serial))));
    } else {
      return base::fail(Code::invalid_input, "'" + base::printable(key) +
                                                 "' is not one of disabled, certificate, revoked");
    }
  }
  return wish;
}

}  // namespace

void DeviceKind::start(const engine::StartAction& action, Done done) {
  const std::string& name = action.key.name;
  if (!action.value) {
    devices_.set_wish(name, std::nullopt);
    enforce_(name);
    return done({});
  }
  auto wish = parse(name, *action.value);
  // What was wished before stays: half a wish about who may enter is worse than an old one.
  if (!wish) return done({engine::Finished::Outcome::impossible, wish.error().message});
  devices_.set_wish(name, std::move(*wish));
  enforce_(name);
  done({});
}

// What is in force, as it was wished.
void DeviceKind::report(const engine::ItemReport& report, std::vector<ReportedLeaf>& leaves) const {
  if (report.state != engine::ItemState::applied || !report.value) return;
  const std::string path = status_path(report.key.name);
  const auto value = codec::json::parse(*report.value, 64 << 10);
  if (!value) return;
  for (const std::string_view member : {"disabled", "certificate", "revoked"}) {
    const codec::json::Value& held = (*value)[member];
    base::JsonWriter json;
    if (held.is_boolean()) {
      json.value(held.boolean());
    } else if (held.is_text()) {
      json.value(held.text());
    } else if (held.is_array()) {
      json.begin_array();
      for (const auto& serial : held.array()) json.value(serial.text());
      json.end_array();
    }
    leaves.push_back({path + "/" + std::string(member), json.take()});
  }
}

}  // namespace selvedge::node
