// Socket: one end of a fake TCP connection, and the Stream through which a program holds it.
// Private to os/fake.
//
// Output goes program -> `pending` -> (end of the turn) `queue`, which is the system's send buffer
// -> the link -> the peer's `unread` -> its program. A socket lives on in the fabric after its
// stream was closed, until its last bytes have arrived.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "os/fake/life.h"
#include "os/fake/tls.h"
#include "os/stream.h"

namespace selvedge::os::fake {

class Fabric;
class Machine;
struct Listening;

struct Segment {
  enum class Kind : std::uint8_t {
    syn, syn_ack, hello, server_hello, finished, data, fin, rst
  } kind = Kind::data;
  std::uint64_t from = 0, to = 0;      // sockets; 0: not known
  Machine* source = nullptr;
  Machine* target = nullptr;
  std::uint64_t number = 0;            // order within its sender
  base::Bytes bytes;                   // of data
  std::uint16_t port = 0;              // of syn
  std::shared_ptr<const Identity> identity;  // of server_hello and finished
  base::Error error;                   // of rst
};

// Bytes in at the back, out at the front.
class ByteQueue {
 public:
  std::size_t size() const { return bytes_.size() - head_; }
  bool empty() const { return size() == 0; }
  void append(base::BytesView more) { base::append(bytes_, more); }
  base::Bytes take(std::size_t count);
  void clear();

 private:
  base::Bytes bytes_;
  std::size_t head_ = 0;
};

class StreamHandle;

class Socket final : public Flushable, public std::enable_shared_from_this<Socket> {
 public:
  Socket(Fabric& fabric, Life& life, std::uint64_t id, Machine& remote)
      : fabric_(fabric), life_(life), id_(id), remote_(remote) {}

  // ---- for the program, through its handle
  void set_events(StreamEvents& events);
  void write(base::BytesView bytes);
  void close();
  void pause() { paused_ = true; }
  void resume();
  void abandon();                      // the handle is being destroyed
  void flush() override;

  // ---- for the network
  void opened();                       // an outgoing connection is ready
  void receive(base::BytesView bytes);
  void receive_end();                  // the peer has closed
  void fail(base::Error why);          // over at once: reset, timed out, refused
  void made_progress();                // some of what was sent has arrived
  void life_ended();

  bool connecting() const { return !connected_ && !end_; }
  bool orphan() const { return handle_ == nullptr; }

 private:
  friend class Fabric;
  friend class Handshake;
  friend class StreamHandle;
  friend class FakeNetwork;

  void flush_soon();
  void take_output();
  void drained();
  void read_soon();
  void read();
  void end_gracefully();

  Fabric& fabric_;
  Life& life_;
  const std::uint64_t id_;
  Machine& remote_;
  std::uint64_t peer_ = 0;             // the other end
  Peer remote_identity_;
  StreamHandle* handle_ = nullptr;
  StreamEvents* events_ = nullptr;

  bool connected_ = false, closing_ = false, paused_ = false;
  bool flush_due_ = false, read_due_ = false, output_due_ = false, above_mark_ = false;
  ByteQueue pending_, queue_, unread_;
  std::size_t in_flight_ = 0;
  bool fin_due_ = false, fin_sent_ = false;
  std::optional<base::Error> end_;     // why it is over
  bool abrupt_ = false;                // over even if the program has paused
  bool told_ = false;                  // on_close was called

  // ---- handshake
  std::string purpose_;                // "connect to cloud:8883"
  std::string server_name_;
  std::shared_ptr<const Identity> identity_;
  std::shared_ptr<Listening> listening_;

  // ---- used by the fabric
  std::uint64_t sent_ = 0;
  base::Instant last_arrival_{};
  std::uint64_t expected_ = 1;         // the number of the peer's next segment
  std::map<std::uint64_t, Segment> ahead_;  // arrived before it
  std::map<std::uint64_t, Segment> stuck_;  // sent and lost; sent again when the link is mended
  std::uint64_t stuck_since_ = 0;      // tells one time of being stuck from the next
  bool forgotten_ = false;
};

class StreamHandle final : public Stream {
 public:
  explicit StreamHandle(std::shared_ptr<Socket> socket) : socket_(std::move(socket)) {
    socket_->handle_ = this;
  }
  ~StreamHandle() override { socket_->abandon(); }

  void set_events(StreamEvents& events) override { socket_->set_events(events); }
  void write(base::BytesView bytes) override { socket_->write(bytes); }
  std::size_t unsent() const override { return socket_->pending_.size(); }
  void close() override { socket_->close(); }
  void pause() override { socket_->pause(); }
  void resume() override { socket_->resume(); }
  const Peer& peer() const override { return socket_->remote_identity_; }

 private:
  std::shared_ptr<Socket> socket_;
};

}  // namespace selvedge::os::fake
