#include "engine/session/client.h"

namespace selvedge::engine {

void ClientEvents::clear() {
  send.clear();
  connected = false;
  session_present = false;
  acknowledged.clear();
  messages.clear();
  subscribed.clear();
  close.reset();
}

}  // namespace selvedge::engine
