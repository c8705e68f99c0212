// Names of the series that rules make of others: a template in which {series} is the name of the source and one
// more word, each kind of rule has its own, what comes out: "{series}/{function}".

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "engine/rules/name_template.h"
#include "model/reading.h"

namespace selvedge::engine {

// A reading of a derived series, as it is stored.
struct DerivedReading {
  std::uint16_t slot = 0;              // which of the series that come of one source
  base::Time time{};
  model::ValueView value;              // of what it was asked of
};

// `word` is what stands for what comes out: "{function}". Its places are the template's fields.
base::Result<NameTemplate> parse_derived_name(std::string_view text, std::string_view filter, std::string_view word);
// Code::invalid_input if it is no name of a series, or the source itself and that may not be.
base::Result<std::string> derived_name(const NameTemplate& name, const model::SeriesDef& source,
                                       std::string_view output, bool may_be_source);
// "aggregate rule 3 ('plant/#')"
std::string rule_label(std::string_view what, std::size_t rule, std::string_view filter);
// Tells states of one rule from those of another.
std::uint64_t fingerprint_of(base::BytesView rule);

}  // namespace selvedge::engine
