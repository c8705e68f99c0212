// SenML: the records of a pack (RFC 8428), resolved to readings. JSON and CBOR share it.
//
// Rules where the RFC leaves a choice:
//   - `v`, `vs`, `vb` and `vd` make a reading named base name + name; `vd` is text, base64url
//     without padding. `s` makes a second one with "/sum" behind the name ("sum" if that is empty).
//   - A base value applies to records with `v`, a base sum to records with `v` or `s`.
//   - A record without any value and without a name only sets base fields. With a name it is refused.
//   - Times below 2^28 seconds are relative to the arrival, also negative ones; without a time the
//     reading has that of the arrival.
//   - Units, update times and unknown fields are ignored; a field that ends in '_' must be
//     understood, so it is refused, as is a version above 10 and a field that stands there twice.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/payload/number.h"
#include "codec/payload/output.h"

namespace selvedge::codec::payload {

// The numbers are the CBOR labels.
enum class SenmlLabel : std::int8_t {
  base_version = -1,
  base_name = -2,
  base_time = -3,
  base_unit = -4,
  base_value = -5,
  base_sum = -6,
  name = 0,
  unit = 1,
  value = 2,
  text = 3,
  boolean = 4,
  sum = 5,
  time = 6,
  update_time = 7,
  data = 8,
  other = 9,  // ignored
};

// Code::invalid_input for an unknown label that must be understood.
base::Result<SenmlLabel> senml_label(std::string_view name);
SenmlLabel senml_label(std::int64_t number);

class SenmlPack {
 public:
  void begin_pack(const Options& options, base::Time arrival);
  void begin_record();

  // The fields of a record; texts must live until end_record().
  base::Result<void> number(SenmlLabel label, const Decimal& number);
  base::Result<void> number(SenmlLabel label, double number);
  base::Result<void> boolean(SenmlLabel label, bool value);
  base::Result<void> text(SenmlLabel label, std::string_view text);
  // CBOR: `text` is the base64url form of the bytes.
  base::Result<void> data(std::string_view text);
  base::Result<void> end_record(Output& out);

 private:
  struct Amount {
    model::ValueView value;
    std::optional<std::int64_t> ns;  // as seconds; only worked out for times
  };

  base::Result<void> see(SenmlLabel label);
  bool has(SenmlLabel label) const { return (seen_ & bit(label)) != 0; }
  static std::uint32_t bit(SenmlLabel label) { return 1u << (static_cast<int>(label) + 8); }
  base::Result<void> amount(SenmlLabel label, const Amount& amount);
  base::Result<void> set_value(const model::ValueView& value);
  base::Result<std::optional<base::Time>> time() const;

  const Options* options_ = nullptr;
  base::Time arrival_;
  std::string base_name_;
  std::int64_t base_time_ns_ = 0;
  std::optional<model::ValueView> base_value_, base_sum_;

  std::uint32_t seen_ = 0;  // a bit for each label
  std::string_view name_;
  std::int64_t time_ns_ = 0;
  std::optional<model::ValueView> value_, sum_;
  std::string full_name_;
};

}  // namespace selvedge::codec::payload
