// Real certificates for the fake TLS: PEM text is read and told apart from text that begins with
// "fake:", so that a program which loads its identity from files runs in a simulation unchanged.
//
// A certificate becomes what the fake handshake compares: names, serial, times, and the issuer's
// common name as its CA. No signature is checked; that a key fits its certificate is. Private.

#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "os/fake/tls.h"

namespace selvedge::os::fake {

bool is_pem(std::string_view text);

// Code::invalid_input if they cannot be read or do not fit together.
base::Result<Certificate> read_pem(std::string_view certificate, std::string_view key);

// Takes the first certificate off `text`, which begins with one, and says whose it is: what
// certificates issued by it have as their CA.
base::Result<std::string> take_pem_authority(std::string_view& text);

}  // namespace selvedge::os::fake
