// Sparse: constants stored without their zeros, made whole.
//
// Source: the comments of SparsityParameters in TensorFlow Lite's schema; the format follows Kjolstad
// et al., The Tensor Algebra Compiler, OOPSLA 2017.

#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "codec/tflite/model.h"

namespace selvedge::codec::tflite {

// Code::exhausted if the elements take more than `most` bytes.
base::Result<base::Bytes> dense_elements(const Tensor& tensor, std::size_t most);

}  // namespace selvedge::codec::tflite
