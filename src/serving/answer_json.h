// AnswerJson: what a model found in a picture, as JSON for people and programs: of the HTTP interface,
// of events, of the command line.

#pragma once

#include "base/json.h"
#include "infer/answer.h"

namespace selvedge::serving {

// The members of an object that is open: width, height, detections, classes, mask, milliseconds. Boxes are
// shares of the picture, [top, left, bottom, right].
void write_answer(const infer::Answer& answer, base::JsonWriter& into);
void write_detection(const infer::Detection& detection, base::JsonWriter& into);

}  // namespace selvedge::serving
