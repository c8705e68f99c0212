// From an artifact that is a container image to a folder that can be a root, and what is to run in it.
//
// The artifact is an OCI image layout in a plain tar. Layers are tars, packed with gzip, zstd or not; their whiteouts take away
// what lower layers have. Links lead nowhere but within the root (os::RootTree). Owners, devices and pipes are left out, and so are
// setuid bits: everything is the node's, for everybody to read. Nothing is held in memory but a piece. Blocks: for a pool thread.

#pragma once

#include <functional>

#include "codec/container/oci.h"
#include "model/task.h"
#include "os/root_tree.h"
#include "os/world.h"

namespace selvedge::node {

inline constexpr std::size_t most_image_entries = 200'000;         // of a layer

// Bytes of the artifact from `at` on, at most `most`; empty at its end.
struct ImageSource {
  std::uint64_t size = 0;
  std::function<base::Result<base::BytesView>(std::uint64_t at, std::size_t most)> read;
};

// `architecture` as images have it. Adds to `used`, and fails with Code::exhausted beyond `most`.
// Code::invalid_input: it is no image, or none for this machine.
base::Result<codec::OciConfig> unpack_image(os::RootTree& root, const ImageSource& source, const std::string& architecture,
                                            std::uint64_t most, std::uint64_t& used);
// The places at which a sandbox puts something: its folders, and those of the task at `place`.
base::Result<void> make_image_places(os::RootTree& root, const model::Task& task, const codec::OciConfig& config, const std::string& place);

// What runs, as kept beside the root.
struct ImageRun {
  std::vector<std::string> entrypoint, command;
  std::map<std::string, std::string> environment;
  std::string folder;
};
ImageRun image_run(const codec::OciConfig& config);
base::Result<void> write_image_run(os::Dir& dir, const ImageRun& run);
base::Result<ImageRun> read_image_run(os::Dir& dir);
// Of the image and the task: its command takes the place of the image's arguments.
base::Result<std::vector<std::string>> image_command(const ImageRun& run, const model::Task& task);

}  // namespace selvedge::node
