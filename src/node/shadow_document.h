// Shadow documents: a twin as devices see it on MQTT: {"desired": {F: {p: value}}, "reported": ..}, or of
// one feature {p: value}, and when each leaf was written.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "codec/twin/shadow.h"
#include "engine/twin/twin.h"

namespace selvedge::node {

// Writes leaves that come in order of their paths as nested objects.
class TreeWriter {
 public:
  explicit TreeWriter(base::JsonWriter& json) : json_(json) { json_.begin_object(); }
  // `path` is a JSON pointer of at least one level; `value` writes what is there.
  void leaf(std::string_view path, const std::function<void(base::JsonWriter&)>& value);
  void end();

 private:
  base::JsonWriter& json_;
  std::vector<std::string> open_;      // names of the objects that are open, escaped as in pointers
};

// "state": {..}, "metadata": {..}, "version": N as members of an open object. With the standing wishes
// as "delta" if there are any. `feature` is empty for the whole twin.
void write_document(base::JsonWriter& json, const engine::Twin& twin, std::string_view feature);
// Whether there is something to write of this feature.
bool has_feature(const engine::Twin& twin, std::string_view feature);
// {"desired": .., "reported": ..} with {"timestamp": seconds} for each leaf of these features.
void write_metadata(base::JsonWriter& json, const engine::Twin& twin,
                    const std::function<bool(std::string_view feature)>& wanted,
                    std::string_view feature);
// {"state": {..}, "metadata": {..}, "version": N, "timestamp": seconds}; "" if no wish stands.
std::string delta_message(const engine::Twin& twin, std::string_view feature, std::int64_t now_ms);

// What a device asks for as an RFC 7396 patch of the document. What clears a half needs to know which
// features there are; `twin` is null if there is none yet.
std::string merge_patch(const codec::twin::ShadowRequest& request, std::string_view feature,
                        const engine::Twin* twin);

// Names of the features of an object like Twin::delta() gives; of those in a difference that changed
// a wish.
std::vector<std::string> features_of(std::string_view delta);
std::vector<std::string> features_with_new_wishes(std::string_view difference);

}  // namespace selvedge::node
