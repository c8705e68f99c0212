// Peers: the model alone, on the same numbers: our Session, bare ONNX Runtime, OpenCV's DNN module.
//
// They take turns, a few frames each, so that what else the machine does falls on all of them alike.
// CPU time of the process, which does nothing else meanwhile.

#pragma once

#include "inference/material.h"
#include "inference/timing.h"
#include "infer/runtime.h"

namespace bench {

struct PeerRow {
  std::string model, engine;                       // "int8", "selvedge"
  Times cpu, wall;                                 // of each frame
  Times turns;                                     // CPU a frame, mean of each turn
  double difference = 0;                           // from bare ONNX Runtime, greatest of any output
  std::string refused;                             // why it has no times
};

struct Overhead {
  std::string model;
  double best = 0;                                 // best turn of ours over best of bare, less 1
  double paired = 0;                               // median over turns of ours / bare beside it, less 1
};

struct Peers {
  std::vector<PeerRow> rows;
  std::vector<Overhead> overheads;
  std::string opencv;                              // version
};

selvedge::base::Result<Peers> measure_peers(const Material& material, selvedge::infer::Runtime& runtime);

}  // namespace bench
