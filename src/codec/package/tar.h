// Tar: the plain archive inside a packed one; see archive.h for what is taken and refused.
//
// Source: IEEE Std 1003.1 (pax, "ustar Interchange Format").

#pragma once

#include "codec/package/archive.h"

namespace selvedge::codec {

base::Result<std::vector<ArchiveMember>> read_tar(base::BytesView bytes, std::size_t most_members);
base::Result<base::Bytes> write_tar(const std::vector<ArchiveMember>& members);

}  // namespace selvedge::codec
