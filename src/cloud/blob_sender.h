// BlobSender: a part of a file as the body of an answer, read on the pool as fast as the client takes it.
//
// At most two pieces of 256 KiB are in memory: one that is being sent, one that was read ahead. A read
// that fails ends the connection, so that the client sees that the body is not whole. Keeps itself
// alive until the body was sent or the client is gone. Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>

#include "net/http/http.h"
#include "os/world.h"

namespace selvedge::cloud {

class BlobSender : public std::enable_shared_from_this<BlobSender> {
 public:
  // `over` is called once, at its end.
  BlobSender(os::World& world, std::unique_ptr<os::File> file, std::uint32_t lane, std::uint64_t first,
             std::uint64_t length, std::function<void(std::uint64_t sent)> over)
      : world_(world), file_(std::move(file)), lane_(lane), at_(first), left_(length),
        over_(std::move(over)) {}
  ~BlobSender();

  void send(std::shared_ptr<net::http::BodyWriter> to);

 private:
  void read();
  void was_read(const base::Result<void>& outcome);
  void pump();
  void end();

  os::World& world_;
  std::shared_ptr<os::File> file_;
  std::uint32_t lane_;
  std::uint64_t at_, left_;                  // to be read
  std::uint64_t sent_ = 0;
  std::function<void(std::uint64_t)> over_;
  std::shared_ptr<net::http::BodyWriter> to_;
  std::shared_ptr<base::Bytes> piece_ = std::make_shared<base::Bytes>();
  std::shared_ptr<BlobSender> self_;         // until the end
  bool reading_ = false, ready_ = false;
};

}  // namespace selvedge::cloud
