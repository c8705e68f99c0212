#include "engine/session/message.h"

#include <cstring>
#include <new>

#include "base/result.h"
#include "base/wire.h"

namespace selvedge::engine {
namespace {

enum class Tag : std::uint8_t {
  payload_format = 1,
  content_type,
  response_topic,
  correlation_data,
  user,
};

std::uint8_t* put(std::uint8_t* at, base::BytesView bytes) {
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

}  // namespace

Message::Message(const Parts& parts)
    : expires_(parts.expires),
      payload_size_(static_cast<std::uint32_t>(parts.payload.size())),
      properties_size_(static_cast<std::uint32_t>(parts.properties.size())),
      topic_size_(static_cast<std::uint16_t>(parts.topic.size())),
      origin_size_(static_cast<std::uint16_t>(parts.origin.size())),
      qos_(parts.qos) {
  auto* at = reinterpret_cast<std::uint8_t*>(this + 1);
  at = put(at, base::as_bytes(parts.topic));
  at = put(at, parts.payload);
  at = put(at, parts.properties);
  put(at, base::as_bytes(parts.origin));
}

MessagePtr MessagePtr::make(const Message::Parts& parts) {
  CHECK(parts.topic.size() <= 65'535 && parts.origin.size() <= 65'535);
  void* memory = ::operator new(sizeof(Message) + parts.topic.size() + parts.payload.size() +
                                parts.properties.size() + parts.origin.size());
  MessagePtr pointer;
  pointer.message_ = new (memory) Message(parts);
  pointer.message_->references_ = 1;
  return pointer;
}

void MessagePtr::release() {
  if (message_ && --message_->references_ == 0) {
    message_->~Message();
    ::operator delete(message_);
  }
}

bool has_forwarded_properties(const codec::mqtt::Properties& p) {
  return p.payload_format || p.content_type || p.response_topic || p.correlation_data ||
         !p.user.empty();
}

void pack_properties(const codec::mqtt::Properties& p, base::Bytes& out) {
  base::Writer w(out);
  const auto tag = [&](Tag name) { w.u8(static_cast<std::uint8_t>(name)); };
  if (p.payload_format) {
    tag(Tag::payload_format);
    w.u8(*p.payload_format);
  }
  if (p.content_type) {
    tag(Tag::content_type);
    w.text(*p.content_type);
  }
  if (p.response_topic) {
    tag(Tag::response_topic);
    w.text(*p.response_topic);
  }
  if (p.correlation_data) {
    tag(Tag::correlation_data);
    w.bytes(*p.correlation_data);
  }
  for (const auto& [name, value] : p.user) {
    tag(Tag::user);
    w.text(name);
    w.text(value);
  }
}

bool unpack_properties(base::BytesView packed, codec::mqtt::Properties& p) {
  constexpr std::size_t longest = 65'535;  // what the encoder can take
  base::Reader r(packed);
  bool fits = true;
  const auto text = [&] {
    const std::string_view view = r.text();
    fits &= view.size() <= longest;
    return view;
  };
  while (r.ok() && !r.at_end()) {
    switch (static_cast<Tag>(r.u8())) {
      case Tag::payload_format: p.payload_format = r.u8(); break;
      case Tag::content_type: p.content_type = text(); break;
      case Tag::response_topic: p.response_topic = text(); break;
      case Tag::correlation_data: p.correlation_data = base::as_bytes(text()); break;
      case Tag::user: {
        const std::string_view name = text();
        p.user.emplace_back(name, text());
        break;
      }
      default: return false;
    }
  }
  return r.ok() && fits;
}

}  // namespace selvedge::engine
