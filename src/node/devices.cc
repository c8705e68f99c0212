#include "node/devices.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "crypto/crypto.h"

namespace selvedge::node {
namespace {

constexpr std::uint64_t file_limit = 16 << 20;
constexpr std::size_t most_devices = 100'000;
constexpr std::uint32_t hash_lane = 14;
constexpr base::Duration refusal_delay = std::chrono::seconds(1);
constexpr std::uint32_t most_refusing = 256;
constexpr std::uint32_t most_checks = 64;   // 16 MiB of memory each, one after the other

base::Result<std::string> denied(std::string_view why) {
  return base::fail(base::Code::denied, std::string(why));
}

}  // namespace

Devices::Devices(os::World& world, bool anonymous_loopback)
    : world_(world), anonymous_loopback_(anonymous_loopback) {
  std::array<std::uint8_t, 16> salt{};
  world.entropy(salt);
  salt_.assign(salt.begin(), salt.end());
}

base::Result<std::unique_ptr<Devices>> Devices::open(os::World& world, std::string_view state,
                                                     bool anonymous_loopback) {
  std::unique_ptr<Devices> made(new Devices(world, anonymous_loopback));
  made->dir_ = TRY(world.directory(state, true));
  const auto bytes = os::read_file(*made->dir_, "devices", file_limit);
  if (!bytes && bytes.error().code == base::Code::not_found) return made;
  if (!bytes) return std::unexpected(bytes.error());
  // Each line: name, password hash or "-", "disabled" or "-".
  std::string_view text = base::as_text(*bytes);
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view row = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (row.empty()) continue;
    const std::size_t one = row.find(' '), two = row.rfind(' ');
    if (one == std::string_view::npos || two == one)
      return base::fail(base::Code::corrupt,
                        "devices:" + std::to_string(line) + ": expected three columns");
    Device& device = made->at(row.substr(0, one), "password");
    device.hash = row.substr(one + 1, two - one - 1);
    if (device.hash == "-") device.hash.clear();
    device.info.disabled = row.substr(two + 1) == "disabled";
  }
  return made;
}

std::string Devices::proof(std::string_view name, std::string_view password) const {
  const std::string text = salt_ + std::string(name) + '\0' + std::string(password);
  return base::to_hex(crypto::sha256(base::as_bytes(text)));
}

void Devices::admit(Credentials c, std::function<void(base::Result<std::string>)> done) {
  const auto enter = [&](std::string name, std::string_view how) {
    if (is_disabled(name)) return done(denied("device '" + name + "' is disabled"));
    at(name, how).info.last_seen = world_.loop().wall_now();
    done(std::move(name));
  };
  if (!c.common_name.empty() || !c.uris.empty()) {
    const auto role = crypto::role_of(c.uris);
    // Only one that says nothing of a role is known by its common name.
    const bool claims = std::ranges::any_of(
        c.uris, [](const std::string& uri) { return uri.starts_with("urn:selvedge:"); });
    if (!role && claims) return done(denied(role.error().message));
    if (role && role->role != crypto::Role::device)
      return done(denied("the certificate is not a device's"));
    const std::string name = role ? role->name : c.common_name;
    if (!crypto::is_name(name)) return done(denied("the certificate names no device"));
    return enter(name, "certificate");
  }
  if (c.has_name && c.has_password) {
    const auto found = devices_.find(c.name);
    const bool known = found != devices_.end() && !found->second.hash.empty();
    if (known && found->second.proven == proof(c.name, c.password)) return enter(c.name, "password");
    const base::Instant now = world_.loop().now();
    if (!wrong_.allows(c.address, now)) return refuse_guesser(std::move(done));
    if (!known) {
      wrong_.failed(c.address, now);
      return done(denied("unknown device or wrong password"));
    }
    if (checks_ >= most_checks)
      return done(base::fail(base::Code::unavailable, "too many logins at once"));
    ++checks_;
    auto right = std::make_shared<base::Result<bool>>(false);
    world_.loop().work(
        hash_lane,
        [right, password = c.password, hash = found->second.hash] {
          *right = crypto::check_password(password, hash);
        },
        [this, right, c, done = std::move(done)] {
          --checks_;
          const auto at = devices_.find(c.name);
          if (!*right || !**right || at == devices_.end()) {
            wrong_.failed(c.address, world_.loop().now());
            return done(denied("unknown device or wrong password"));
          }
          if (is_disabled(c.name)) return done(denied("device '" + c.name + "' is disabled"));
          at->second.proven = proof(c.name, c.password);
          at->second.info.last_seen = world_.loop().wall_now();
          done(c.name);
        });
    return;
  }
  if (c.loopback && anonymous_loopback_) {
    std::string name = c.has_name && crypto::is_name(c.name) ? c.name : c.fallback;
    if (!crypto::is_name(name)) name = "anonymous";
    return enter(std::move(name), "anonymous");
  }
  done(denied(c.loopback
                  ? "a name and password or a certificate is needed (or set "
                    "devices.anonymous-loopback)"
                  : "a name and password or a certificate is needed"));
}

// The answer waits a second, as long as not too many do.
void Devices::refuse_guesser(Answer done) {
  auto answer = [done = std::move(done)] {
    done(base::fail(base::Code::exhausted,
                    "too many wrong passwords from this address; try again later"));
  };
  if (refusing_ >= most_refusing) return answer();
  ++refusing_;
  world_.loop().after(refusal_delay, [this, answer, living = std::weak_ptr<bool>(alive_)] {
    if (living.expired()) return;
    --refusing_;
    answer();
  });
}

Devices::Device& Devices::at(std::string_view name, std::string_view how) {
  const auto found = devices_.find(name);
  if (found != devices_.end()) {
    found->second.info.how = how;
    return found->second;
  }
  if (devices_.size() >= most_devices) {
    // Forget the anonymous or certified device that was quiet longest; passwords stay.
    auto oldest = devices_.end();
    for (auto i = devices_.begin(); i != devices_.end(); ++i)
      if (i->second.hash.empty() && !i->second.info.disabled &&
          (oldest == devices_.end() || i->second.info.last_seen < oldest->second.info.last_seen))
        oldest = i;
    if (oldest != devices_.end()) devices_.erase(oldest);
  }
  Device& made = devices_[std::string(name)];
  made.info.name = name;
  made.info.how = how;
  made.info.first_seen = world_.loop().wall_now();
  return made;
}

base::Result<void> Devices::save() {
  std::string text;
  for (const auto& [name, device] : devices_) {
    if (device.hash.empty() && !device.info.disabled) continue;
    text += name + ' ' + (device.hash.empty() ? "-" : device.hash) + ' ' +
            (device.info.disabled ? "disabled" : "-") + '\n';
  }
  return os::write_file(*dir_, "devices", base::as_bytes(text), os::Open::create_private);
}

void Devices::set_password(std::string name, std::string password,
                           std::function<void(base::Result<void>)> done) {
  if (!crypto::is_name(name))
    return done(base::fail(base::Code::invalid_input,
                           "device name '" + base::printable(name) +
                               "': expected 1 to 64 of letters, digits, '.', '_', '-'"));
  if (password.size() < 8)
    return done(base::fail(base::Code::invalid_input, "password: at least 8 characters"));
  auto hash = std::make_shared<base::Result<std::string>>();
  world_.loop().work(
      hash_lane, [hash, password] { *hash = crypto::hash_password(password); },
      [this, hash, name, done = std::move(done)] {
        if (!*hash) return done(std::unexpected(hash->error()));
        Device& device = at(name, "password");
        device.hash = **hash;
        device.proven.clear();
        done(save());
      });
}

base::Result<void> Devices::remove(std::string_view name) {
  const auto found = devices_.find(name);
  if (found == devices_.end())
    return base::fail(base::Code::not_found, "device '" + base::printable(name) + "' is unknown");
  devices_.erase(found);
  return save();
}

base::Result<void> Devices::set_disabled(std::string_view name, bool disabled) {
  if (!crypto::is_name(name))
    return base::fail(base::Code::invalid_input, "'" + base::printable(name) + "' is no device name");
  const auto found = devices_.find(name);
  Device& device = found != devices_.end() ? found->second : at(name, "certificate");
  device.info.disabled = disabled;
  return save();
}

void Devices::set_wish(std::string_view name, std::optional<DeviceWish> wish) {
  if (wish) wishes_.insert_or_assign(std::string(name), std::move(*wish));
  else if (const auto at = wishes_.find(name); at != wishes_.end()) wishes_.erase(at);
}

bool Devices::is_disabled(std::string_view name) const {
  if (const auto wish = wishes_.find(name); wish != wishes_.end() && wish->second.disabled)
    return *wish->second.disabled;
  const auto at = devices_.find(name);
  return at != devices_.end() && at->second.info.disabled;
}

base::Result<void> Devices::check_certificate(std::string_view name, std::string_view serial) const {
  const auto at = wishes_.find(name);
  if (at == wishes_.end()) return {};
  const DeviceWish& wish = at->second;
  if (!wish.certificate.empty() && wish.certificate != serial)
    return base::fail(base::Code::denied, "certificate " + std::string(serial) + " is not the one pinned for device '" +
                                              std::string(name) + "'");
  if (std::ranges::find(wish.revoked, serial) != wish.revoked.end())
    return base::fail(base::Code::denied, "certificate " + std::string(serial) + " of device '" +
                                              std::string(name) + "' is revoked on this node");
  return {};
}

void Devices::seen(std::string_view name, std::uint64_t messages, std::uint64_t readings) {
  const auto found = devices_.find(name);
  if (found == devices_.end()) return;
  DeviceInfo& info = found->second.info;
  info.last_seen = world_.loop().wall_now();
  info.messages += messages;
  info.readings += readings;
}

std::vector<DeviceInfo> Devices::list() const {
  std::vector<DeviceInfo> all;
  all.reserve(devices_.size());
  for (const auto& [name, device] : devices_) {
    all.push_back(device.info);
    all.back().disabled = is_disabled(name);
  }
  std::ranges::sort(all, {}, &DeviceInfo::name);
  return all;
}

}  // namespace selvedge::node
