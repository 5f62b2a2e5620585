// SPDX-License-Identifier: GPL-2.0
/* The body of the Nonce payload: RFC 7296 3.9. */
#include "fuzz/pld.h"

PLD_FUZZER(WIRE_PLD_NONCE)
