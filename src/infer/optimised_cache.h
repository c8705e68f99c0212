// OptimisedCache: a folder with models in the form that the runtime makes of them while it loads, so
// that the next load is two to three times as quick.
//
// A file is named by what went in: the model's bytes, the library's release, the processor, the
// options; a change of any of them is another file. It ends in a digest of its content; a damaged or
// cut file is as good as none. The folder decides what is run, so it must be as private as the
// programs that use it. Files appear whole or not at all. At most 32 files and 512 MiB are kept, those
// used last. Whatever fails here only costs the time that was to be saved. Any thread.

#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"

namespace selvedge::infer {

class OptimisedCache {
 public:
  explicit OptimisedCache(std::string folder) : folder_(std::move(folder)) {}

  // `form`: what else than the model decides the outcome: release, options. The processor is added.
  static std::string key(base::BytesView model, const std::string& form);

  // nullptr: not there, or damaged.
  std::shared_ptr<const base::Bytes> find(const std::string& key) const;
  void remove(const std::string& key) const;

  // Where the library is to write; "" if the folder cannot be had.
  std::string place_to_write() const;
  // Takes what was written at `written` in under `key`, and lets the oldest go.
  void keep(const std::string& written, const std::string& key) const;
  // Takes away what was, or was to be, written.
  static void discard(const std::string& written);

 private:
  std::string path_of(const std::string& key) const;
  void prune() const;

  std::string folder_;
};

}  // namespace selvedge::infer
