// Messages, the queues they wait in, and the records that bring them back.

#include <gtest/gtest.h>

#include "engine/session/incoming.h"
#include "engine/session/message.h"
#include "engine/session/outgoing.h"
#include "engine/session/record.h"

namespace selvedge::engine {
namespace {

MessagePtr message_of(std::string_view payload) {
  Message::Parts parts;
  parts.topic = "t";
  parts.payload = base::as_bytes(payload);
  return MessagePtr::make(parts);
}

Outgoing::Entry entry_of(std::uint16_t id, const MessagePtr& message) {
  Outgoing::Entry entry;
  entry.message = message;
  entry.packet_id = id;
  entry.qos = 1;
  return entry;
}

TEST(Message, HoldsItsPartsInOnePlace) {
  codec::mqtt::Properties properties;
  properties.payload_format = 1;
  properties.content_type = "text/plain";
  properties.user = {{"a", "b"}, {"a", ""}};
  base::Bytes packed;
  pack_properties(properties, packed);
  const MessagePtr message = MessagePtr::make({.topic = "a/b",
                                               .payload = base::as_bytes("payload"),
                                               .properties = packed,
                                               .origin = "client",
                                               .qos = 2,
                                               .expires = {5}});
  const MessagePtr other = message;
  EXPECT_FALSE(message.unique());
  EXPECT_EQ(other->topic(), "a/b");
  EXPECT_EQ(base::as_text(other->payload()), "payload");
  EXPECT_EQ(other->origin(), "client");
  codec::mqtt::Properties back;
  ASSERT_TRUE(unpack_properties(other->properties(), back));
  EXPECT_EQ(back.payload_format, 1);
  EXPECT_EQ(back.content_type, "text/plain");
  EXPECT_EQ(back.user, properties.user);
  EXPECT_FALSE(back.response_topic || back.correlation_data);
  for (std::size_t cut = 1; cut < packed.size(); ++cut) {
    codec::mqtt::Properties any;
    unpack_properties(base::BytesView(packed).first(cut), any);
  }
  EXPECT_FALSE(unpack_properties(base::as_bytes("\x77"), back));
}

TEST(Outgoing, GivesIdentifiersThatAreFree) {
  Outgoing queue;
  QueueTotals totals;
  const std::uint16_t stuck = queue.take_id();
  queue.push(entry_of(stuck, {}), totals);
  queue.mark_sent();
  for (int i = 0; i < 200'000; ++i) {
    const std::uint16_t id = queue.take_id();
    ASSERT_NE(id, 0);
    ASSERT_NE(id, stuck);
    queue.push(entry_of(id, {}), totals);
    queue.mark_sent();
    if (queue.count() > 5) queue.remove(1, totals);
  }
  EXPECT_EQ(totals.messages, 5u);
}

TEST(Outgoing, HasAnEndOfIdentifiers) {
  Outgoing queue;
  QueueTotals totals;
  for (int i = 0; i < 65'535; ++i) queue.push(entry_of(queue.take_id(), {}), totals);
  EXPECT_EQ(queue.take_id(), 0);
  const std::uint16_t freed = queue[7].packet_id;
  queue.remove(7, totals);
  EXPECT_EQ(queue.take_id(), freed);
}

TEST(Outgoing, CountsAMessageOnceForAllQueues) {
  Outgoing a, b;
  QueueTotals totals;
  const MessagePtr message = message_of(std::string(1'000, 'x'));
  a.push(entry_of(1, message), totals);
  b.push(entry_of(1, message), totals);
  EXPECT_EQ(totals.bytes, message->bytes() + 2 * Outgoing::entry_bytes);
  a.mark_sent();
  a.release(0, totals);
  EXPECT_EQ(totals.bytes, message->bytes() + 2 * Outgoing::entry_bytes);
  b.remove(0, totals);
  EXPECT_EQ(totals.bytes, Outgoing::entry_bytes);
  a.remove(0, totals);
  EXPECT_EQ(totals.bytes, 0u);
  EXPECT_TRUE(message.unique());
}

TEST(ReceivedIds, StaySorted) {
  ReceivedIds ids;
  for (const int id : {5, 1, 65'535, 3}) {
    ids.add({.packet_id = static_cast<std::uint16_t>(id)});
  }
  EXPECT_TRUE(ids.find(3));
  EXPECT_FALSE(ids.find(4));
  EXPECT_TRUE(ids.erase(1));
  EXPECT_FALSE(ids.erase(1));
  std::vector<std::uint16_t> rest;
  for (const auto& id : ids) rest.push_back(id.packet_id);
  EXPECT_EQ(rest, (std::vector<std::uint16_t>{3, 5, 65'535}));
}

TEST(Record, ReadsBackWhatItWrote) {
  using namespace record;
  const std::vector<std::uint32_t> ids{1, 268'435'455};
  const std::string long_payload(100'000, 'x');
  base::Bytes bytes;
  write(SessionOpened{.session = 7, .client_id = "client", .device = "device", .version = 4,
                      .expiry = 0xFFFFFFFF, .next_packet_id = 65'535, .will = 3,
                      .will_retain = true, .will_delay = 9, .will_expiry = 1}, bytes);
  write(MessageStored{.message = 300, .topic = "t", .payload = base::as_bytes(long_payload),
                      .properties = {}, .origin = "o", .qos = 2, .expires = -1}, bytes);
  write(Queued{.session = 7, .message = 300, .packet_id = 1, .qos = 2, .sent = true,
               .group_number = 4, .ids = ids}, bytes);
  write(Stepped{7, 1, Step::forgotten}, bytes);
  Stream stream(bytes);
  const auto opened = std::get<SessionOpened>(*stream.next().value());
  EXPECT_EQ(opened.client_id, "client");
  EXPECT_EQ(opened.device, "device");
  EXPECT_EQ(opened.expiry, 0xFFFFFFFF);
  EXPECT_EQ(opened.next_packet_id, 65'535);
  EXPECT_TRUE(opened.will_retain);
  const auto stored = std::get<MessageStored>(*stream.next().value());
  EXPECT_EQ(base::as_text(stored.payload), long_payload);
  EXPECT_EQ(stored.expires, -1);
  const auto queued = std::get<Queued>(*stream.next().value());
  EXPECT_EQ(std::vector<std::uint32_t>(queued.ids.begin(), queued.ids.end()), ids);
  EXPECT_TRUE(queued.sent && !queued.released && !queued.retain);
  EXPECT_EQ(std::get<Stepped>(*stream.next().value()).step, Step::forgotten);
  EXPECT_FALSE(stream.next().value());
}

TEST(Record, RefusesWhatDoesNotParseToItsLastByte) {
  using namespace record;
  base::Bytes good;
  write(Stepped{7, 1, Step::done}, good);
  const auto reads = [](base::Bytes bytes) { return Stream(bytes).next().has_value(); };
  EXPECT_TRUE(reads(good));
  base::Bytes longer = good;
  ++longer[0];
  longer.push_back(0);
  EXPECT_FALSE(reads(longer));
  base::Bytes wrong_step = good;
  wrong_step.back() = 9;
  EXPECT_FALSE(reads(wrong_step));
  base::Bytes wrong_kind = good;
  wrong_kind[1] = 99;
  EXPECT_FALSE(reads(wrong_kind));
  EXPECT_FALSE(reads({0}));
}

}  // namespace
}  // namespace selvedge::engine
