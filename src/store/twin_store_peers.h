// TwinPeers: what the other replica of each namespace has yet to learn.
//
// A twin with changes that the peer has not acknowledged is in one of two lists of its peer: waiting,
// in order of the oldest change, or sent. Losing the link puts everything sent in front of what waits,
// in one step. Private to the twin store.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/twin_store.h"
#include "store/twin_store_table.h"

namespace selvedge::store {

struct TwinPeer {
  TwinLinks waiting, sent;             // heads of rings
  std::uint32_t epoch = 1;             // of the link

  TwinPeer();
  TwinPeer(const TwinPeer&) = delete;
};

class TwinPeers {
 public:
  // Something changed here that the peer has to learn.
  void changed(TwinRecord& record);
  // Everything up to this revision is known. False if that was known.
  bool acknowledged(TwinRecord& record, std::uint64_t revision);
  // A record that was loaded: puts it into its list, if it has anything to tell.
  void loaded(TwinRecord& record);
  // A record that goes.
  void forget(TwinRecord& record);

  std::vector<UnsentTwin> unsent(std::string_view node, std::size_t max_bytes);
  void forget_sent(std::string_view node);
  bool has_unsent(std::string_view node) const;
  std::uint64_t count() const { return count_; }

 private:
  TwinPeer& peer_of(TwinRecord& record);
  void unlink(TwinRecord& record);

  std::map<std::string, std::unique_ptr<TwinPeer>, std::less<>> peers_;
  std::uint64_t count_ = 0;            // of linked records
};

}  // namespace selvedge::store
