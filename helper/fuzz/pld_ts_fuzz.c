// SPDX-License-Identifier: GPL-2.0
/* The body of the Traffic Selector payloads: RFC 7296 3.13. */
#include "fuzz/pld.h"

PLD_FUZZER(WIRE_PLD_TSI)
