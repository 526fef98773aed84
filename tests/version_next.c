/* The same agent, as the version that comes after. */
#include "base/version.h"

const char fleet_version[] = "98.0.0";
