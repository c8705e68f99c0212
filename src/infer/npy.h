// Npy: arrays in the file format of NumPy, versions 1 and 2, as tensors: what calibration data of models
// that take no pictures comes in.
//
// read_npy() takes bytes from anyone: the header and the number of elements are held against the file's
// length before anything is allocated. Pure; any thread.
//
// Source: numpy.org/doc/stable/reference/generated/numpy.lib.format.html.

#pragma once

#include "infer/tensor.h"

namespace selvedge::infer {

// Little-endian numbers, row by row. Code::invalid_input: another order or kind of numbers.
base::Result<Tensor> read_npy(base::BytesView file);

}  // namespace selvedge::infer
