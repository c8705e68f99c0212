#include "codec/websocket/frame.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace selvedge::codec::websocket {
namespace {

using base::as_bytes;
using base::as_text;
using base::Bytes;
using base::BytesView;

constexpr Mask mask{0x37, 0xFA, 0x21, 0x3D};

// Everything the decoder says, as text: "text:Hello|" ends a message, "close:1000:bye", "!1002".
std::string tell(Decoder& decoder, BytesView in) {
  std::string story;
  for (;;) {
    const auto event = decoder.next(in);
    if (!event) return story + "!" + std::to_string(static_cast<int>(decoder.close_code()));
    if (!*event) return story;
    const Event& e = **event;
    const std::string payload(as_text(e.payload));
    switch (e.kind) {
      case Opcode::text:
        story += "text:" + payload;
        break;
      case Opcode::binary:
        story += "binary:" + payload;
        break;
      case Opcode::ping:
        story += "ping:" + payload;
        break;
      case Opcode::pong:
        story += "pong:" + payload;
        break;
      case Opcode::close:
        story += "close:" + std::to_string(static_cast<int>(e.code)) + ":" + payload;
        break;
      case Opcode::continuation:
        ADD_FAILURE() << "a continuation is not an event";
        break;
    }
    if (e.last) story += "|";
  }
}

std::string tell(Role role, BytesView in, std::uint64_t limit = 1 << 20) {
  Decoder decoder(role, limit);
  return tell(decoder, in);
}

TEST(WebSocketDecoder, ReadsTheExamplesOfTheStandard) {
  // RFC 6455, 5.7.
  const Bytes plain{0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F};
  const Bytes masked{0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58};
  const Bytes fragments{0x01, 0x03, 0x48, 0x65, 0x6C, 0x80, 0x02, 0x6C, 0x6F};
  const Bytes ping{0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F};
  EXPECT_EQ(tell(Role::client, plain), "text:Hello|");
  EXPECT_EQ(tell(Role::server, masked), "text:Hello|");
  EXPECT_EQ(tell(Role::client, fragments), "text:Heltext:lo|");
  EXPECT_EQ(tell(Role::client, ping), "ping:Hello|");
}

struct Refused {
  const char* what;
  Role role;
  Bytes bytes;
  const char* story;
};

TEST(WebSocketDecoder, RefusesWhatTheStandardForbids) {
  const std::vector<Refused> cases{
      {"reserved bit", Role::client, {0xC2, 0x00}, "!1002"},
      {"unknown data opcode", Role::client, {0x83, 0x00}, "!1002"},
      {"unknown control opcode", Role::client, {0x8B, 0x00}, "!1002"},
      {"mask from a server", Role::client, {0x82, 0x81, 1, 2, 3, 4, 5}, "!1002"},
      {"no mask from a client", Role::server, {0x82, 0x01, 5}, "!1002"},
      {"fragmented ping", Role::client, {0x09, 0x00}, "!1002"},
      {"ping of 126 bytes", Role::client, {0x89, 126, 0, 126}, "!1002"},
      {"continuation of nothing", Role::client, {0x80, 0x00}, "!1002"},
      {"message in a message", Role::client, {0x02, 0x01, 'a', 0x82, 0x00}, "binary:a!1002"},
      {"long form of 5", Role::client, {0x82, 126, 0, 5}, "!1002"},
      {"longest form of 65535", Role::client, {0x82, 127, 0, 0, 0, 0, 0, 0, 255, 255}, "!1002"},
      {"top bit of the length", Role::client, {0x82, 127, 0x80, 0, 0, 0, 0, 1, 0, 0}, "!1002"},
      {"huge", Role::client, {0x82, 127, 0x7F, 255, 255, 255, 255, 255, 255, 255}, "!1009"},
      {"close with half a code", Role::client, {0x88, 1, 3}, "!1002"},
      {"close with 999", Role::client, {0x88, 2, 3, 0xE7}, "!1002"},
      {"close with 1005", Role::client, {0x88, 2, 3, 0xED}, "!1002"},
      {"close with a reason that is not UTF-8", Role::client, {0x88, 3, 3, 0xE8, 0xFF}, "!1007"},
  };
  for (const Refused& c : cases) EXPECT_EQ(tell(c.role, c.bytes), c.story) << c.what;
}

TEST(WebSocketDecoder, BoundsAMessageByTheSumOfItsFrames) {
  Bytes bytes;
  append_frame(bytes, Opcode::binary, Fin::more, as_bytes("12345678"));
  append_frame(bytes, Opcode::continuation, Fin::last, as_bytes("90"));
  EXPECT_EQ(tell(Role::client, bytes, 10), "binary:12345678binary:90|");
  EXPECT_EQ(tell(Role::client, bytes, 9), "binary:12345678!1009");
}

TEST(WebSocketDecoder, LetsControlFramesIntoAMessage) {
  Bytes bytes;
  append_frame(bytes, Opcode::binary, Fin::more, as_bytes("a"), mask);
  append_frame(bytes, Opcode::ping, Fin::last, as_bytes("p"), mask);
  append_frame(bytes, Opcode::pong, Fin::last, {}, mask);
  append_frame(bytes, Opcode::continuation, Fin::more, {}, mask);
  append_frame(bytes, Opcode::continuation, Fin::last, {}, mask);
  EXPECT_EQ(tell(Role::server, bytes), "binary:aping:p|pong:|binary:|");
}

TEST(WebSocketDecoder, DropsEverythingAfterAClose) {
  Bytes bytes;
  append_close(bytes, CloseCode::going_away, "bye");
  append_frame(bytes, Opcode::binary, Fin::last, as_bytes("late"));
  Decoder decoder(Role::client);
  EXPECT_EQ(tell(decoder, bytes), "close:1001:bye|");
  EXPECT_EQ(tell(decoder, bytes), "");
}

TEST(WebSocketDecoder, TakesACloseWithoutACode) {
  Bytes bytes;
  append_close(bytes, CloseCode::none_given, "", mask);
  EXPECT_EQ(tell(Role::server, bytes), "close:1005:|");
}

// Sizes around every change of form, with and without a mask, whole and byte by byte.
TEST(WebSocketFrame, ReadsBackWhatItWrote) {
  for (const std::size_t size : {0U, 1U, 3U, 125U, 126U, 127U, 65535U, 65536U, 70001U}) {
    std::string payload(size, '\0');
    for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(i * 7 + i / 256);
    for (const Role role : {Role::server, Role::client}) {
      Bytes bytes;
      append_frame(bytes, Opcode::binary, Fin::last, as_bytes(payload),
                   role == Role::server ? std::optional(mask) : std::nullopt);
      for (const std::size_t step : {bytes.size(), std::size_t{1}, std::size_t{4093}}) {
        Decoder decoder(role);
        std::string got;
        bool ended = false;
        for (std::size_t at = 0; at < bytes.size(); at += step) {
          BytesView in = BytesView(bytes).subspan(at, std::min(step, bytes.size() - at));
          for (;;) {
            const auto event = decoder.next(in);
            ASSERT_TRUE(event.has_value());
            if (!*event) break;
            got += as_text((*event)->payload);
            ended = (*event)->last;
          }
        }
        EXPECT_TRUE(ended) << size;
        EXPECT_TRUE(got == payload) << size << " in steps of " << step;
      }
    }
  }
}

TEST(WebSocketFrame, CutsALongReasonBetweenCharacters) {
  std::string reason(122, 'x');
  reason += "\xC3\xA4 tail";
  Bytes bytes;
  append_close(bytes, CloseCode::policy, reason);
  EXPECT_EQ(tell(Role::client, bytes), "close:1008:" + std::string(122, 'x') + "|");
}

}  // namespace
}  // namespace selvedge::codec::websocket
