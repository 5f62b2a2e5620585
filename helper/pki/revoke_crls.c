// SPDX-License-Identifier: GPL-2.0
/* The CRLs of a folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "core/trusted.h"
#include "crypto/alg.h"
#include "crypto/crypto.h"
#include "pki/revoke_crls.h"

#define FILE_CRLS_MAX	64
#define WHY_MAX		160

struct crl_file {
	char *path;
	struct crl *crl;
};

/**
 * struct revoke_crls - of one load
 * @lock: protects what crl_verify() writes: who signed a CRL
 * @digest: of all files so far, in their order
 */
struct revoke_crls {
	atomic_uint refs;
	pthread_mutex_t lock;
	struct crl_file *files;
	unsigned int n;
	uint8_t digest[REVOKE_DIGEST_LEN];
};

struct revoke_crls *revoke_crls_get(struct revoke_crls *crls)
{
	if (crls)
		atomic_fetch_add(&crls->refs, 1);
	return crls;
}

void revoke_crls_put(struct revoke_crls *crls)
{
	if (!crls || atomic_fetch_sub(&crls->refs, 1) != 1)
		return;
	while (crls->n--) {
		free(crls->files[crls->n].path);
		crl_put(crls->files[crls->n].crl);
	}
	pthread_mutex_destroy(&crls->lock);
	free(crls->files);
	free(crls);
}

void revoke_crls_digest(const struct revoke_crls *crls, uint8_t out[REVOKE_DIGEST_LEN])
{
	memcpy(out, crls->digest, REVOKE_DIGEST_LEN);
}

void revoke_crls_free(struct revoke_crls *crls)
{
	revoke_crls_put(crls);
}

/* takes @crl over */
static bool add(struct revoke_crls *crls, const char *path, struct crl *crl)
{
	struct crl_file *more = reallocarray(crls->files, crls->n + 1, sizeof(*more));
	char *copy = strdup(path);

	if (more)
		crls->files = more;
	if (!more || !copy) {
		crl_put(crl);
		free(copy);
		return false;
	}
	more[crls->n++] = (struct crl_file){ copy, crl };
	return true;
}

static bool read_all(int fd, struct buf *out, char *why, size_t why_len)
{
	struct stat st;
	uint8_t *p;
	ssize_t n;

	if (fstat(fd, &st)) {
		snprintf(why, why_len, "%s", strerror(errno));
		return false;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > CRL_OCTETS_MAX) {
		snprintf(why, why_len, "not a file, or larger than %u octets", CRL_OCTETS_MAX);
		return false;
	}
	p = buf_extend(out, st.st_size);
	if (!p) {
		snprintf(why, why_len, "out of memory");
		return false;
	}
	n = read(fd, p, st.st_size);
	if (n != st.st_size) {
		snprintf(why, why_len, "%s", n < 0 ? strerror(errno) : "it changed meanwhile");
		return false;
	}
	return true;
}

static bool digest_add(struct revoke_crls *crls, struct bytes data)
{
	uint8_t out[CRYPTO_HASH_MAX] = { 0 };
	bool ok = crypto_prf(PRF_HMAC_SHA2_256, (struct bytes){ crls->digest, REVOKE_DIGEST_LEN },
			     &data, 1, out);

	memcpy(crls->digest, out, REVOKE_DIGEST_LEN);
	return ok;
}

static bool add_file(struct revoke_crls *crls, const char *path, char *err, size_t err_len)
{
	struct crl *list[FILE_CRLS_MAX];
	char why[WHY_MAX] = "";
	unsigned int i, n = 0;
	struct buf data;
	bool ok = true;
	int fd;

	buf_init(&data);
	/* not blocking: a FIFO of that name is refused, not waited for */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && !trusted_file(path, err, err_len)) {
		close(fd);
		return false;
	}
	if (fd < 0)
		snprintf(why, sizeof(why), "%s", strerror(errno));
	else if (read_all(fd, &data, why, sizeof(why)))
		n = crl_parse(buf_bytes(&data), list, FILE_CRLS_MAX, why, sizeof(why));
	if (n && !digest_add(crls, buf_bytes(&data)))
		ok = false;
	if (fd >= 0)
		close(fd);
	buf_free(&data);
	if (!n) {
		snprintf(err, err_len, "%s: %s; expected a CRL, PEM or DER", path, why);
		return false;
	}
	for (i = 0; i < n; i++)
		ok = add(crls, path, list[i]) && ok;
	if (!ok)
		snprintf(err, err_len, "out of memory");
	return ok;
}

static int wanted(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot && dot != d->d_name &&
	       (!strcmp(dot, ".pem") || !strcmp(dot, ".crl") || !strcmp(dot, ".der"));
}

static bool add_folder(struct revoke_crls *crls, const char *dir, char *err, size_t err_len)
{
	struct dirent **names = NULL;
	bool ok = true;
	char *path;
	int i, n = scandir(dir, &names, wanted, alphasort);

	if (n < 0) {
		if (errno == ENOENT)
			return true;
		snprintf(err, err_len, "%s: %s", dir, strerror(errno));
		return false;
	}
	ok = trusted_folder(dir, err, err_len);
	for (i = 0; i < n; i++) {
		if (ok && asprintf(&path, "%s/%s", dir, names[i]->d_name) >= 0) {
			ok = add_file(crls, path, err, err_len);
			free(path);
		} else if (ok) {
			snprintf(err, err_len, "out of memory");
			ok = false;
		}
		free(names[i]);
	}
	free(names);
	return ok;
}

/* Verifies a list at load, so that its faults are in the log before a peer depends on it. */
static void verify_now(const struct crl_file *f, const gnutls_x509_crt_t *cas, unsigned int n_cas)
{
	char why[WHY_MAX] = "none of the CA certificates is its CA";
	unsigned int i;

	for (i = 0; i < n_cas && !crl_is_verified(f->crl); i++)
		if (crl_is_of(f->crl, cas[i]))
			crl_verify(f->crl, cas[i], why, sizeof(why));
	if (!crl_is_verified(f->crl))
		log_warn("%s: the CRL of %s is not used for the CAs here: %s", f->path,
			 crl_issuer(f->crl), why);
	else if (!crl_is_current(f->crl, time(NULL), why, sizeof(why)))
		log_warn("%s: the CRL of %s does not say any more who is good: %s", f->path,
			 crl_issuer(f->crl), why);
}

struct revoke_crls *revoke_crls_load(const char *dir, const gnutls_x509_crt_t *cas,
				     unsigned int n_cas, char *err, size_t err_len)
{
	struct revoke_crls *crls = calloc(1, sizeof(*crls));
	unsigned int i;

	if (!crls) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	atomic_init(&crls->refs, 1);
	pthread_mutex_init(&crls->lock, NULL);
	if (!add_folder(crls, dir, err, err_len)) {
		revoke_crls_put(crls);
		return NULL;
	}
	for (i = 0; i < crls->n; i++)
		verify_now(&crls->files[i], cas, n_cas);
	return crls;
}

bool revoke_crls_ask(struct revoke_crls *crls, gnutls_x509_crt_t cert, gnutls_x509_crt_t issuer,
		     time_t now, struct revocation *out, const char **file, char *err,
		     size_t err_len)
{
	struct revocation says;
	bool ok, good = false;
	unsigned int i;

	*err = '\0';
	for (i = 0; crls && i < crls->n; i++) {
		const struct crl_file *f = &crls->files[i];

		if (!crl_is_of(f->crl, issuer))
			continue;
		*file = f->path;
		pthread_mutex_lock(&crls->lock);
		ok = crl_verify(f->crl, issuer, err, err_len);
		pthread_mutex_unlock(&crls->lock);
		if (!ok || !crl_ask(f->crl, cert, now, &says, err, err_len))
			continue;
		/* of two that differ, the one that warns is right: an older list knows less */
		if (!good || says.revoked)
			*out = says;
		good = true;
		if (says.revoked)
			return true;
	}
	return good;
}
