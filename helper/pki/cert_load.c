// SPDX-License-Identifier: GPL-2.0
/*
 * The folders of certificates and keys, read at each load. A broken file fails the load, because
 * it would be missed later; or, with a caller that reports it, the load goes on without the file.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/trusted.h"
#include "pki/cert_priv.h"

struct load {
	struct cert_store *store;
	const struct cert_passphrase *pass;
	unsigned int n_pass;
	char *err;
	size_t err_len;
	cert_broken_t broken;	/* NULL: a broken file fails the load */
	void *arg;
};

/* one file of a folder */
struct file {
	const char *name;
	char path[4096];
	gnutls_datum_t data;
	gnutls_x509_crt_fmt_t format;
};

static bool fail(const struct load *l, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static bool fail(const struct load *l, const char *path, const char *fmt, ...)
{
	int n = snprintf(l->err, l->err_len, "%s: ", path);
	va_list ap;

	if (n < 0 || (size_t)n >= l->err_len)
		return false;
	va_start(ap, fmt);
	vsnprintf(l->err + n, l->err_len - n, fmt, ap);
	va_end(ap);
	return false;
}

#define APPEND(array, n, what) ({ \
	void *_more = reallocarray(array, (n) + 1, sizeof(*(array))); \
	if (_more) { \
		(array) = _more; \
		(array)[(n)++] = (what); \
	} \
	_more != NULL; \
})

/* ---- certs/ and cacerts/ ---- */

static bool is_ca(const struct load *l, const struct file *f, const struct cert *cert)
{
	if (cert->is_ca)
		return true;
	return fail(l, f->path, "found the certificate of '%s', which is no CA (basicConstraints), expected one of a CA",
		    cert->subject);
}

/* takes the certificates, not the array */
static bool take_certs(struct load *l, const struct file *f, gnutls_x509_crt_t *crts,
		       unsigned int n, struct cert_list *to, bool ca)
{
	char why[CERT_TEXT_MAX];
	bool ok = true;
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct cert *cert;

		if (!ok) {
			gnutls_x509_crt_deinit(crts[i]);
			continue;
		}
		cert = cert_new(crts[i], f->name, why, sizeof(why));
		if (!cert) {
			ok = fail(l, f->path, "found %s", why);
		} else if ((ca && !is_ca(l, f, cert)) ||
			   !APPEND(to->p, to->n, cert)) {
			cert_free(cert);
			ok = false;
		}
	}
	return ok;
}

static bool add_certs(struct load *l, const struct file *f, struct cert_list *to, bool ca)
{
	gnutls_x509_crt_t *crts = NULL;
	unsigned int n = 0;
	bool ok;
	int ret;

	ret = gnutls_x509_crt_list_import2(&crts, &n, &f->data, f->format, 0);
	if (ret < 0)
		return fail(l, f->path, "found no certificate (%s), expected one in PEM or DER%s",
			    gnutls_strerror(ret), ca ? "" : ", or a public key");
	ok = take_certs(l, f, crts, n, to, ca);
	gnutls_free(crts);
	return ok;
}

static bool add_ca(struct load *l, const struct file *f)
{
	return add_certs(l, f, &l->store->cas, true);
}

/* false and nothing said: it is none */
static bool add_pub(struct load *l, const struct file *f, bool *ok)
{
	struct cert_pub *pub = calloc(1, sizeof(*pub));
	char why[CERT_TEXT_MAX] = "no memory";

	*ok = false;
	if (!pub) {
		fail(l, f->path, "out of memory");
		return true;
	}
	buf_init(&pub->spki);
	if (gnutls_pubkey_init(&pub->key) < 0) {
		pub->key = NULL;
	} else if (gnutls_pubkey_import(pub->key, &f->data, f->format) < 0) {
		cert_pub_free(pub);
		return false;
	} else {
		pub->file = strdup(f->name);
		*ok = pub->file && cert_pub_fill(pub, why, sizeof(why)) &&
		      APPEND(l->store->pubs, l->store->n_pubs, pub);
	}
	if (!*ok) {
		fail(l, f->path, "found %s", why);
		cert_pub_free(pub);
	}
	return true;
}

static bool add_cert(struct load *l, const struct file *f)
{
	bool ok;

	if (add_pub(l, f, &ok))
		return ok;
	return add_certs(l, f, &l->store->certs, false);
}

/* ---- private/ ---- */

static const char *passphrase_of(const struct load *l, const char *name)
{
	unsigned int i;

	for (i = 0; i < l->n_pass; i++)
		if (!strcmp(l->pass[i].file, name))
			return l->pass[i].text;
	return NULL;
}

/* @what: "private key" or "PKCS#12 file" */
static bool not_opened(const struct load *l, const struct file *f, const char *what)
{
	if (passphrase_of(l, f->name))
		return fail(l, f->path, "found a %s that its passphrase in the secrets file does not open, expected the right one",
			    what);
	return fail(l, f->path, "found an encrypted %s, expected its passphrase in the secrets file: key %s \"PASSPHRASE\"",
		    what, f->name);
}

static bool import_key(const struct load *l, const struct file *f, gnutls_privkey_t key)
{
	int ret;

	/* the passphrase last: GnuTLS takes a clear key with any */
	ret = gnutls_privkey_import_x509_raw(key, &f->data, f->format, passphrase_of(l, f->name), 0);
	if (ret >= 0)
		return true;
	if (ret == GNUTLS_E_DECRYPTION_FAILED)
		return not_opened(l, f, "private key");
	return fail(l, f->path, "found no private key (%s), expected one in PEM or DER",
		    gnutls_strerror(ret));
}

/* @p12: NULL: the file is the key alone */
static bool get_key(const struct load *l, const struct file *f, struct cert_p12 *p12,
		    gnutls_privkey_t key)
{
	if (!p12)
		return import_key(l, f, key);
	if (gnutls_privkey_import_x509(key, p12->key, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE) < 0)
		return fail(l, f->path, "out of memory");
	p12->key = NULL;
	return true;
}

static bool fill_key(const struct load *l, const struct file *f, struct cert_p12 *p12,
		     struct cert_key *key)
{
	char why[CERT_TEXT_MAX];

	buf_init(&key->pub.spki);
	key->file = strdup(f->name);
	if (!key->file || gnutls_privkey_init(&key->key) < 0)
		return fail(l, f->path, "out of memory");
	if (!get_key(l, f, p12, key->key))
		return false;
	if (gnutls_pubkey_init(&key->pub.key) < 0) {
		key->pub.key = NULL;
		return fail(l, f->path, "out of memory");
	}
	if (gnutls_pubkey_import_privkey(key->pub.key, key->key, 0, 0) < 0)
		return fail(l, f->path, "found a private key of an unknown kind, expected RSA, ECDSA or EdDSA");
	return cert_pub_fill(&key->pub, why, sizeof(why)) || fail(l, f->path, "found %s", why);
}

static bool take_key(struct load *l, const struct file *f, struct cert_p12 *p12)
{
	struct cert_key *key = calloc(1, sizeof(*key));

	if (!key)
		return fail(l, f->path, "out of memory");
	if (fill_key(l, f, p12, key)) {
		if (APPEND(l->store->keys, l->store->n_keys, key))
			return true;
		fail(l, f->path, "out of memory");
	}
	cert_key_free(key);
	return false;
}

static bool take_list(struct load *l, const struct file *f, gnutls_x509_crt_t **crts,
		      unsigned int n)
{
	bool ok = take_certs(l, f, *crts, n, &l->store->certs, false);

	gnutls_free(*crts);
	*crts = NULL;
	return ok;
}

/* Its certificates are as those of certs/: a CA is not trusted because it is in the file. */
static bool take_p12(struct load *l, const struct file *f, struct cert_p12 *p12)
{
	return take_key(l, f, p12) && take_list(l, f, &p12->chain, p12->n_chain) &&
	       take_list(l, f, &p12->extra, p12->n_extra);
}

static bool add_p12(struct load *l, const struct file *f)
{
	struct cert_p12 p12;
	bool ok;
	int ret;

	ret = cert_p12_read((struct bytes){ f->data.data, f->data.size },
			    f->format == GNUTLS_X509_FMT_PEM, passphrase_of(l, f->name), &p12);
	if (ret == GNUTLS_E_DECRYPTION_FAILED)
		return not_opened(l, f, "PKCS#12 file");
	if (ret < 0)
		return fail(l, f->path, "found no PKCS#12 file (%s), expected one",
			    gnutls_strerror(ret));
	ok = p12.key ? take_p12(l, f, &p12) :
		       fail(l, f->path, "found a PKCS#12 file without a private key, expected one with it");
	cert_p12_free(&p12);
	return ok;
}

/* ---- files ---- */

/* nobody else may even read it */
static bool is_private(const struct load *l, const struct file *f, const struct stat *st)
{
	if (st->st_mode & 077)
		return fail(l, f->path, "found mode %04o, expected 0600: others could read the private key",
			    st->st_mode & 07777);
	return true;
}

static bool read_all(struct load *l, struct file *f, int fd, bool private)
{
	struct stat st;

	if (fstat(fd, &st))
		return fail(l, f->path, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(l, f->path, "found no regular file, expected one");
	if (private && !is_private(l, f, &st))
		return false;
	if (!st.st_size || st.st_size > CERT_FILE_MAX)
		return fail(l, f->path, "found %lld octets, expected 1 to %u",
			    (long long)st.st_size, CERT_FILE_MAX);
	f->data.data = malloc(st.st_size + 1);
	if (!f->data.data)
		return fail(l, f->path, "out of memory");
	while (f->data.size < (size_t)st.st_size) {
		ssize_t n = read(fd, f->data.data + f->data.size, st.st_size - f->data.size);

		if (n < 0)
			return fail(l, f->path, "%s", strerror(errno));
		if (!n)
			break;
		f->data.size += n;
	}
	f->data.data[f->data.size] = 0;
	f->format = memmem(f->data.data, f->data.size, "-----BEGIN", 10) ?
		    GNUTLS_X509_FMT_PEM : GNUTLS_X509_FMT_DER;
	return true;
}

struct folder {
	const char *name;
	bool private;
	bool (*add)(struct load *l, const struct file *f);
};

static bool load_file(struct load *l, const struct folder *folder, struct file *f)
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool ok;

	if (fd < 0)
		return fail(l, f->path, "%s", strerror(errno));
	ok = read_all(l, f, fd, folder->private) && trusted_file(f->path, l->err, l->err_len) &&
	     folder->add(l, f);
	close(fd);
	if (f->data.data)
		gnutls_memset(f->data.data, 0, f->data.size);
	free(f->data.data);
	f->data = (gnutls_datum_t){ NULL, 0 };
	return ok;
}

static bool ends_in(const char *name, const char *const *ends, size_t n)
{
	const char *dot = strrchr(name, '.');
	size_t i;

	for (i = 0; dot && dot != name && i < n; i++)
		if (!strcmp(dot, ends[i]))
			return true;
	return false;
}

static bool is_p12(const char *name)
{
	static const char *const ends[] = { ".p12", ".pfx" };

	return ends_in(name, ends, sizeof(ends) / sizeof(*ends));
}

static int wanted(const struct dirent *d)
{
	static const char *const ends[] = { ".pem", ".der", ".crt", ".cer", ".key", ".pub" };

	return ends_in(d->d_name, ends, sizeof(ends) / sizeof(*ends));
}

static int wanted_private(const struct dirent *d)
{
	return wanted(d) || is_p12(d->d_name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* true: the caller wants the load to go on without what @l->err names */
static bool passed_over(const struct load *l)
{
	if (!l->broken)
		return false;
	l->broken(l->err, l->arg);
	snprintf(l->err, l->err_len, "out of memory");
	return true;
}

/* sorted, so that what is chosen does not hang on the file system's order */
static bool load_folder(struct load *l, const char *dir, const struct folder *folder)
{
	struct file f = { .data = { NULL, 0 } };
	struct dirent **names;
	bool ok = true, trusted;
	int n, i;

	snprintf(f.path, sizeof(f.path), "%s/%s", dir, folder->name);
	n = scandir(f.path, &names, folder->private ? wanted_private : wanted, by_name);
	if (n < 0)
		return errno == ENOENT || fail(l, f.path, "%s", strerror(errno)) || passed_over(l);
	trusted = trusted_folder(f.path, l->err, l->err_len);
	if (!trusted)
		ok = passed_over(l);
	for (i = 0; i < n; i++) {
		f.name = names[i]->d_name;
		if (!trusted) {
			free(names[i]);
			continue;
		}
		if (ok && snprintf(f.path, sizeof(f.path), "%s/%s/%s", dir, folder->name,
				   f.name) >= (int)sizeof(f.path))
			ok = fail(l, f.name, "found too long a path");
		ok = ok && (load_file(l, folder, &f) || passed_over(l));
		free(names[i]);
	}
	free(names);
	return ok;
}

static bool add_private(struct load *l, const struct file *f)
{
	return is_p12(f->name) ? add_p12(l, f) : take_key(l, f, NULL);
}

static struct cert_store *load_store(struct load *load, const char *dir)
{
	static const struct folder folders[] = {
		{ "cacerts", false, add_ca },
		{ "certs", false, add_cert },
		{ "private", true, add_private },
	};
	struct cert_store *store = calloc(1, sizeof(*store));
	unsigned int i;
	bool ok = true;

	snprintf(load->err, load->err_len, "out of memory");
	if (!store)
		return NULL;
	load->store = store;
	store->refs = 1;
	for (i = 0; ok && i < sizeof(folders) / sizeof(*folders); i++)
		ok = load_folder(load, dir, &folders[i]);
	if (!ok) {
		cert_store_put(store);
		return NULL;
	}
	for (i = 0; i < store->certs.n; i++)
		store->certs.p[i]->key = cert_store_key_of(store, &store->certs.p[i]->pub);
	cert_store_find_issuers(store);
	*load->err = 0;
	return store;
}

struct cert_store *cert_store_load(const char *dir, const struct cert_passphrase *pass,
				   unsigned int n_pass, char *err, size_t err_len)
{
	struct load l = { .pass = pass, .n_pass = n_pass, .err = err, .err_len = err_len };

	return load_store(&l, dir);
}

struct cert_store *cert_store_load_good(const char *dir, const struct cert_passphrase *pass,
					unsigned int n_pass, cert_broken_t broken, void *arg)
{
	char err[CERT_ERROR_MAX];
	struct load l = { .pass = pass, .n_pass = n_pass, .err = err, .err_len = sizeof(err),
			  .broken = broken, .arg = arg };

	return load_store(&l, dir);
}
