/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The signer: a process that asks PKCS#11 tokens for signatures. The daemon forks it before it
 * drops its privileges and reads a secret. The messages are those of pki/token.h.
 */
#ifndef SYS_SIGNER_H
#define SYS_SIGNER_H

#include <stdbool.h>
#include <stddef.h>

struct signer;

struct signer *signer_start(unsigned int ms, char *err, size_t err_len);
int signer_fd(const struct signer *s);
void signer_stop(struct signer *s);

/* drops the privileges of the signer for good; tests call it, too */
bool signer_confine(char *err, size_t err_len);

#endif
