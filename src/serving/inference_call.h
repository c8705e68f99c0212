// InferenceCall: one inference request of the Open Inference Protocol, from its bytes to the bytes of
// its answer, against a pipeline.
//
// Tensors go to the model as they are, in the order of its inputs. One input of type BYTES that holds
// a picture (JPEG, PNG, BMP; in JSON also as base64) goes through the whole pipeline instead, and what
// is found is answered as tensors: docs/reference/http.md. Everything here is done on a pool thread; a
// call belongs to one thread at a time.

#pragma once

#include <optional>
#include <string>

#include "codec/inference/response.h"
#include "infer/pipeline.h"

namespace selvedge::serving {

struct InferenceCall {
  std::string body;
  std::optional<std::size_t> header_bytes;         // of the JSON in front; none: all is JSON
  codec::inference::EncodedResponse answer;
};

// What an answer about a picture consists of, for metadata: names, types and shapes.
std::vector<infer::ValueInfo> picture_outputs(infer::Task task);
// Whether pictures may be given to models of this kind.
bool takes_pictures(infer::Task task);

// pipeline.run(), for pictures of strangers: one that is damaged or too large is their error.
base::Result<infer::Answer> look_at(const infer::Pipeline& pipeline, base::BytesView file,
                                    const infer::RunOptions& options);

// Fills call.answer. Code::invalid_input: the request does not fit the model.
base::Result<infer::Timings> answer_call(const infer::Pipeline& pipeline, const std::string& name,
                                         std::uint64_t version, InferenceCall& call);

}  // namespace selvedge::serving
