// Audit lines and heads from an export, in any form and order.

#include "store/audit_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace selvedge::store;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  AuditChain chain(std::nullopt);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    chain.line(line);
    if (const auto record = read_audit_line(line))
      if (!read_audit_line(write_audit_line(*record))) __builtin_trap();
    if (const auto head = read_audit_head(line))
      if (!read_audit_head(write_audit_head(*head))) __builtin_trap();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  chain.finish();
  return 0;
}
