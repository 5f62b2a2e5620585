// SPDX-License-Identifier: GPL-2.0
/* The body of the Identification payloads: RFC 7296 3.5. */
#include "fuzz/pld.h"

PLD_FUZZER(WIRE_PLD_IDI)
