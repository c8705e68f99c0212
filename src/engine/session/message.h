// Message: a publish that has to outlive its packet, once for all who hold it.
//
// Queues, retained messages and wills share one copy, in one allocation. The count of references
// is not atomic: a message belongs to the loop thread.

#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/time.h"
#include "codec/mqtt/packet.h"

namespace selvedge::engine {

inline constexpr base::Time never{std::numeric_limits<std::int64_t>::max()};

class Message {
 public:
  struct Parts {
    std::string_view topic;
    base::BytesView payload;
    base::BytesView properties;          // as pack_properties() makes them
    std::string_view origin;             // client id of the publisher; empty: the host
    std::uint8_t qos = 0;
    base::Time expires = never;
  };

  std::string_view topic() const { return base::as_text({data(), topic_size_}); }
  base::BytesView payload() const { return {data() + topic_size_, payload_size_}; }
  base::BytesView properties() const {
    return {data() + topic_size_ + payload_size_, properties_size_};
  }
  std::string_view origin() const {
    return base::as_text({data() + topic_size_ + payload_size_ + properties_size_, origin_size_});
  }
  std::uint8_t qos() const { return qos_; }
  base::Time expires() const { return expires_; }
  // What it costs in memory.
  std::uint64_t bytes() const {
    return sizeof(Message) + topic_size_ + payload_size_ + properties_size_ + origin_size_;
  }

  std::uint64_t number = 0;              // in the session log; 0: not there
  std::uint32_t queues = 0;              // queue entries that hold it

 private:
  friend class MessagePtr;
  explicit Message(const Parts& parts);
  const std::uint8_t* data() const { return reinterpret_cast<const std::uint8_t*>(this + 1); }

  base::Time expires_;
  std::uint32_t references_ = 0;
  std::uint32_t payload_size_, properties_size_;
  std::uint16_t topic_size_, origin_size_;  // 16 bits on the wire
  std::uint8_t qos_;
};

// Shared ownership of a message.
class MessagePtr {
 public:
  MessagePtr() = default;
  static MessagePtr make(const Message::Parts& parts);

  MessagePtr(const MessagePtr& other) : message_(other.message_) {
    if (message_) ++message_->references_;
  }
  MessagePtr(MessagePtr&& other) noexcept : message_(std::exchange(other.message_, nullptr)) {}
  MessagePtr& operator=(MessagePtr other) noexcept {
    std::swap(message_, other.message_);
    return *this;
  }
  ~MessagePtr() { release(); }

  explicit operator bool() const { return message_ != nullptr; }
  Message* operator->() const { return message_; }
  Message& operator*() const { return *message_; }
  bool unique() const { return message_ && message_->references_ == 1; }

 private:
  void release();
  Message* message_ = nullptr;
};

// The properties of a PUBLISH that travel on with the message, except the expiry.
bool has_forwarded_properties(const codec::mqtt::Properties& properties);
void pack_properties(const codec::mqtt::Properties& properties, base::Bytes& out);
// Fills in what was packed; the views point into `packed`. False if it is damaged.
bool unpack_properties(base::BytesView packed, codec::mqtt::Properties& properties);

}  // namespace selvedge::engine
