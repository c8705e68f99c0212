// What every TCP connection of ours is set to. A listening socket hands it on to what it accepts.

#pragma once

namespace selvedge::os {

void set_stream_options(int fd);
// Sends what acknowledgement is due at once, and the next ones too until we answer something.
void acknowledge_quickly(int fd);

}  // namespace selvedge::os
