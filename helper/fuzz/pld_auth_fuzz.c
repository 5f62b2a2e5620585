// SPDX-License-Identifier: GPL-2.0
/* The body of the Authentication payload: RFC 7296 3.8. */
#include "fuzz/pld.h"

PLD_FUZZER(WIRE_PLD_AUTH)
