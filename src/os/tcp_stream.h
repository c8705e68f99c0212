// TcpStream: a connection on a socket, plain or TLS, and its life from dialling to the last byte.
//
//   dialling -> handshaking -> open -> flushing -> lingering -> closed
//
// close() goes through flushing (output is sent, input thrown away) and lingering (our side is shut;
// we wait for the peer to shut its own, because closing with unread input would reset the connection
// and destroy what the peer has not read yet). Both together take 5 s at most. When the peer shuts
// its side first, unsent output is still flushed; then the stream is closed.

#pragma once

#include <memory>

#include "os/address.h"
#include "os/dial.h"
#include "os/network_core.h"
#include "os/tls_session.h"

namespace selvedge::os {

class TcpStream final : public Stream, public Watch {
 public:
  explicit TcpStream(NetworkCore& core);
  ~TcpStream() override;
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;

  // An accepted connection. With `tls`, `events` hears on_open or on_close of the handshake.
  base::Result<void> accept(Fd fd, const SocketAddress& from);
  // Nothing is read until accept_tls(); on_close tells if the peer hangs up meanwhile.
  void wait_for_tls(StreamEvents& events);
  void accept_tls(std::shared_ptr<const TlsContext> tls, base::Duration timeout,
                  StreamEvents& events);
  void dial(const Endpoint& to, std::shared_ptr<const TlsContext> tls, base::Duration timeout,
            StreamEvents& events);

  void set_events(StreamEvents& events) override { events_ = &events; }
  void write(base::BytesView bytes) override;
  std::size_t unsent() const override { return output_.size() - sent_; }
  void close() override;
  void pause() override { paused_ = true; }
  void resume() override;
  const Peer& peer() const override { return peer_; }
  // The subject of the certificate for which the handshake failed, or nothing.
  std::string refused_subject() const { return ending_ ? ending_->refused_subject : ""; }

  void ready(std::uint32_t events) override;
  void end_turn() override;

 private:
  enum class State : std::uint8_t { dialling, waiting, handshaking, open, flushing, lingering, closed };
  class Guard;
  struct Outgoing;
  struct Ending {
    base::Error why;
    std::string refused_subject;
  };

  base::Result<void> adopt(Fd fd, const SocketAddress& address);
  void dialled(base::Result<Connected> outcome);
  void begin_handshake(std::shared_ptr<const TlsContext> tls, const std::string& host);
  void step_handshake();
  void opened();
  void fail_opening(base::Error why);
  void set_deadline(base::Duration delay);

  void read_some();
  void throw_away_input();
  void deliver(base::BytesView bytes);
  void peer_ended();

  void flush();
  Io send_some();
  void output_empty();
  void end_turn_later();

  void end_with(base::Error why, base::Duration within);
  void shut_our_side();
  void finish(base::Error why);
  void release();
  void rest(std::uint32_t events);
  std::uint32_t reading() const;
  void want(std::uint32_t events);
  base::Error failure(const Io& io, std::string_view step) const;

  NetworkCore& core_;
  StreamEvents* events_ = nullptr;
  bool* gone_ = nullptr;  // set while a callback runs, for the destructor to say so
  Fd fd_;
  std::uint32_t wanted_ = 0;  // events the descriptor is watched for
  State state_ = State::dialling;
  bool accepted_ = false;
  bool watched_ = false;
  bool paused_ = false;
  bool blocked_ = false;      // the system refuses output for now
  bool drain_due_ = false;    // unsent output has passed the mark
  bool answered_ = false;     // we have sent since acknowledgements were last hurried
  bool peer_ended_ = false;
  int broken_ = 0;                // errno of a failed send; what was received is still handed out
  TimerId deadline_ = TimerId::none;
  base::Bytes output_;
  std::size_t sent_ = 0;          // bytes of output_ that are gone
  std::unique_ptr<TlsSession> tls_;
  std::unique_ptr<Outgoing> outgoing_;  // until open
  std::unique_ptr<Ending> ending_;      // once it is known why we end
  Peer peer_;
};

}  // namespace selvedge::os
