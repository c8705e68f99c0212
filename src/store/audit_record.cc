#include "store/audit_record.h"

#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "codec/json/value.h"
#include "crypto/crypto.h"

namespace selvedge::store {

using base::Code;
using base::Result;

namespace {

constexpr std::size_t most_value = 4 << 10;
constexpr std::size_t most_name = 512;
constexpr std::size_t most_faults = 100;
constexpr std::size_t hash_digits = 64;

bool is_hash(std::string_view text) {
  return text.size() == hash_digits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Bytes that are no text, as "\xFF" and the like.
std::string escaped(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) {
    const bool plain = byte >= 0x20 && byte < 0x7F;
    if (plain) out += byte;
    else out += "\\x" + base::to_hex(base::as_bytes(std::string_view(&byte, 1)));
  }
  return out;
}

// Text that JSON can hold, cut at a character's end.
std::string fitting(std::string_view text, std::size_t most) {
  if (!base::is_utf8(text)) return escaped(text.substr(0, most / 4));
  if (text.size() <= most) return std::string(text);
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

Result<std::uint64_t> count(const codec::json::Value& value, std::string_view name) {
  const std::int64_t number = value[name].integer(-1);
  if (number < 0) return base::fail(Code::corrupt, std::string(name) + ": no count");
  return static_cast<std::uint64_t>(number);
}

}  // namespace

std::string no_audit_hash() { return std::string(hash_digits, '0'); }

std::string audit_hash(std::string_view line) {
  return base::to_hex(crypto::sha256(base::as_bytes(line)));
}

std::string write_audit_line(const AuditRecord& record) {
  base::JsonWriter json;
  json.begin_object()
      .field("seq", record.seq)
      .field("at", base::to_iso8601(record.at))
      .field("who", fitting(record.who, most_name))
      .field("from", fitting(record.from, most_name))
      .field("action", fitting(record.action, most_name))
      .field("target", fitting(record.target, most_name))
      .field("before", fitting(record.before, most_value))
      .field("after", fitting(record.after, most_value))
      .field("previous", record.previous)
      .end_object();
  return json.take();
}

Result<AuditRecord> read_audit_line(std::string_view line) {
  if (line.size() > most_audit_line) return base::fail(Code::corrupt, "audit record: too long");
  const auto value = codec::json::parse(line, most_audit_line);
  if (!value || !value->is_object())
    return base::fail(Code::corrupt, "audit record: not a JSON object");
  AuditRecord record;
  record.seq = TRY(base::while_doing("audit record", count(*value, "seq")));
  const auto at = base::parse_time((*value)["at"].text());
  if (!at) return base::fail(Code::corrupt, "audit record: at: no time");
  record.at = *at;
  record.who = (*value)["who"].text();
  record.from = (*value)["from"].text();
  record.action = (*value)["action"].text();
  record.target = (*value)["target"].text();
  record.before = (*value)["before"].text();
  record.after = (*value)["after"].text();
  record.previous = (*value)["previous"].text();
  if (!is_hash(record.previous)) return base::fail(Code::corrupt, "audit record: previous: no hash");
  return record;
}

std::string AuditHead::signed_text() const {
  return "selvedge audit head 1\n" + std::to_string(first) + ' ' + std::to_string(seq) + ' ' + hash +
         ' ' + base::to_iso8601(at) + '\n';
}

std::string write_audit_head(const AuditHead& head) {
  base::JsonWriter json;
  json.begin_object()
      .field("first", head.first)
      .field("seq", head.seq)
      .field("hash", head.hash)
      .field("at", base::to_iso8601(head.at))
      .field("signature", head.signature)
      .end_object();
  return json.take();
}

std::string write_audit_verdict(const AuditVerdict& verdict) {
  base::JsonWriter json;
  json.begin_object()
      .field("whole", verdict.whole())
      .field("first", verdict.first)
      .field("last", verdict.last)
      .field("records", verdict.records)
      .field("covered", verdict.covered)
      .field("hash", verdict.hash)
      .key("faults")
      .begin_array();
  for (const AuditFault& fault : verdict.faults)
    json.begin_object().field("seq", fault.seq).field("what", fault.what).end_object();
  return json.end_array().end_object().take();
}

Result<AuditHead> read_audit_head(std::string_view text) {
  const auto value = codec::json::parse(text, most_audit_line);
  if (!value || !value->is_object()) return base::fail(Code::corrupt, "audit head: not a JSON object");
  AuditHead head;
  head.first = TRY(base::while_doing("audit head", count(*value, "first")));
  head.seq = TRY(base::while_doing("audit head", count(*value, "seq")));
  head.hash = (*value)["hash"].text();
  const auto at = base::parse_time((*value)["at"].text());
  if (!at || !is_hash(head.hash)) return base::fail(Code::corrupt, "audit head: at or hash is wrong");
  head.at = *at;
  head.signature = (*value)["signature"].text();
  return head;
}

void AuditChain::fault(std::uint64_t seq, std::string what) {
  if (verdict_.faults.size() < most_faults) verdict_.faults.push_back({seq, std::move(what)});
}

void AuditChain::line(std::string_view line) {
  const auto record = read_audit_line(line);
  if (!record) return fault(verdict_.last + 1, record.error().message);
  const std::uint64_t seq = record->seq;
  if (verdict_.records == 0) {
    verdict_.first = seq;
    const std::uint64_t oldest = head_ ? head_->first : 1;
    if (seq > oldest)
      fault(seq, "records " + std::to_string(oldest) + " to " + std::to_string(seq - 1) +
                     " are missing at the beginning");
    if (seq == 1 && record->previous != no_audit_hash())
      fault(seq, "the first record says that it follows another");
  } else if (seq != verdict_.last + 1) {
    fault(seq, "follows record " + std::to_string(verdict_.last) +
                   ": records were removed, inserted or moved");
  } else if (record->previous != verdict_.hash) {
    fault(seq, "does not follow record " + std::to_string(verdict_.last) +
                   " as it stands: that one was changed, or this one was put in");
  }
  verdict_.last = seq;
  verdict_.hash = audit_hash(line);
  ++verdict_.records;
  if (!head_ || seq != head_->seq) return;
  head_met_ = true;
  if (verdict_.hash != head_->hash) fault(seq, "is not the record that the signed head vouches for");
}

AuditVerdict AuditChain::finish() {
  if (head_ && head_->seq > 0 && !head_met_) {
    fault(head_->seq, verdict_.last < head_->seq
                          ? "records " + std::to_string(verdict_.last + 1) + " to " +
                                std::to_string(head_->seq) +
                                ", for which the signed head vouches, are missing at the end"
                          : "the record that the signed head vouches for is missing");
  } else if (head_) {
    verdict_.covered = head_->seq;
  }
  return std::exchange(verdict_, {});
}

}  // namespace selvedge::store
