// Devices: who may speak to this node, and who has.
//
// A device proves itself by a client certificate of the fleet with the role "device" (or the node's
// device CA), or by a password kept here as a scrypt hash. Without either it is let in only from
// loopback and only if the config says so. Kept in <state>/devices, one line each.
// Whoever is wrong too often is refused before anything is hashed (Code::exhausted), after a second,
// so that guessing costs the guesser; a password that was right lately is let in all the same, and so
// is a certificate, whatever others behind the same address do.
// Belongs to the loop thread; password hashing runs on the pool.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "codec/mqtt/packet.h"
#include "engine/admission/source_limit.h"
#include "os/world.h"

namespace selvedge::node {

struct Credentials {
  std::string name, password;
  bool has_name = false, has_password = false;
  bool loopback = false, encrypted = false;
  std::string common_name;             // of a verified certificate
  std::vector<std::string> uris;
  std::string address;                 // where from: whose wrong passwords are counted
  std::string fallback;                // name of an anonymous device (client id)
};

// What the node's twin wishes of a device; it goes above what is in the file, while it is wished.
struct DeviceWish {
  std::optional<bool> disabled;
  std::string certificate;             // serial of the only one that is taken; empty: any
  std::vector<std::string> revoked;    // serials that are not
};

struct DeviceInfo {
  std::string name;
  std::string how;                     // certificate, password, anonymous
  base::Time first_seen{}, last_seen{};
  std::uint64_t messages = 0, readings = 0;
  bool disabled = false;
};

class Devices {
 public:
  static base::Result<std::unique_ptr<Devices>> open(os::World& world, std::string_view state,
                                                     bool anonymous_loopback);

  void limit_wrong(engine::SourceLimits limits) { wrong_ = engine::SourceLimit(limits); }
  const engine::SourceLimit& wrong() const { return wrong_; }

  // The device's name, or why it may not enter. `done` is called on the loop, perhaps at once.
  void admit(Credentials credentials, std::function<void(base::Result<std::string>)> done);

  // Password devices. set_password hashes on the pool and saves.
  void set_password(std::string name, std::string password,
                    std::function<void(base::Result<void>)> done);
  base::Result<void> remove(std::string_view name);
  // A disabled device is refused whatever it shows.
  base::Result<void> set_disabled(std::string_view name, bool disabled);

  // Not kept in the file: the twin has it.
  void set_wish(std::string_view name, std::optional<DeviceWish> wish);
  bool is_disabled(std::string_view name) const;
  // Whether the device may use the certificate with this serial.
  base::Result<void> check_certificate(std::string_view name, std::string_view serial) const;

  void seen(std::string_view name, std::uint64_t messages, std::uint64_t readings);
  std::vector<DeviceInfo> list() const;   // by name

 private:
  struct Device {
    DeviceInfo info;
    std::string hash;                  // empty: has no password
    // A password that was right lately, as SHA-256 with a per-process salt: the slow hash is paid
    // once, not at every reconnect of a thousand devices.
    std::string proven;
  };

  Devices(os::World& world, bool anonymous_loopback);
  using Answer = std::function<void(base::Result<std::string>)>;
  void refuse_guesser(Answer done);
  base::Result<void> save();
  Device& at(std::string_view name, std::string_view how);
  std::string proof(std::string_view name, std::string_view password) const;

  os::World& world_;
  bool anonymous_loopback_;
  std::unique_ptr<os::Dir> dir_;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, Device, Hash, std::equal_to<>> devices_;
  std::unordered_map<std::string, DeviceWish, Hash, std::equal_to<>> wishes_;
  std::string salt_;
  engine::SourceLimit wrong_{{}};      // passwords
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::uint32_t refusing_ = 0;         // refusals that wait their second
  std::uint32_t checks_ = 0;           // passwords being hashed
};

}  // namespace selvedge::node
