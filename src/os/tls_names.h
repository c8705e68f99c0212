// What OpenSSL's objects say, as our own values: peers from certificates, sentences from errors.

#pragma once

#include <string>

#include "os/stream.h"

struct x509_st;
struct ssl_st;

namespace selvedge::os {

// Fills in the certificate's part of `peer`.
void describe(const x509_st* certificate, Peer& peer);
std::string subject_of(const x509_st* certificate);

// Takes the oldest error of this thread's queue, and empties it: "the peer says: unknown CA",
// "wrong version number".
std::string take_error();

}  // namespace selvedge::os
