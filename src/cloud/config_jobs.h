// Settings of jobs: tenants and their quotas, how nodes are chosen, what a node has that does not say so.

#pragma once

#include "cloud/config.h"
#include "cloud/jobs.h"

namespace selvedge::cloud {

void bind_tenant(settings::Settings& settings, TenantConfig& tenant);
base::Result<void> check_jobs(const CloudConfig& config);

}  // namespace selvedge::cloud
