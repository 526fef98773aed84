/* Alone in its file: what is linked with another one of these is the same program, of another version. */
#include "base/version.h"

const char fleet_version[] = FLEET_VERSION;
