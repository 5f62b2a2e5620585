// SPDX-License-Identifier: GPL-2.0
/* The body of the Certificate payload: RFC 7296 3.6. */
#include "fuzz/pld.h"

PLD_FUZZER(WIRE_PLD_CERT)
