// SPDX-License-Identifier: GPL-2.0
/* Private keys on PKCS#11 tokens: URIs, the signer, and SoftHSM as the token. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/capability.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "core/event.h"
#include "pki.h"
#include "pki/cert_priv.h"
#include "pki/token.h"
#include "sys/signer.h"
#include "v2/v2.h"

#define BIT(hash)	(1u << (hash))
#define ALL		(BIT(CERT_SHA256) | BIT(CERT_SHA384) | BIT(CERT_SHA512))
#define PIN		"open-sesame-4711"
#define URI(name)	"pkcs11:token=nf;object=" name

static const struct bytes abc = { (const uint8_t *)"abc", 3 };

/* the token that all tests share */
static struct world {
	struct pki *pki;
	const char *dir;
	char provider[256];
	struct signer *signer;
} world;

static void run(const char *fmt, ...)
{
	char command[2048];
	va_list ap;
	int status;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	status = system(command);
	if (status)
		fail_msg("%s: status %d", command, status);
}

static bool find_provider(void)
{
	static const char *const paths[] = {
		"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so",
	};
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (!access(paths[i], R_OK)) {
			snprintf(world.provider, sizeof(world.provider), "%s", paths[i]);
			return true;
		}
	return false;
}

static void put_on_token(const char *name, const char *id)
{
	run("openssl pkcs8 -topk8 -nocrypt -in %s/private/%s.pem -out %s/%s.p8", world.dir, name,
	    world.dir, name);
	run("softhsm2-util --import %s/%s.p8 --token nf --label %s --id %s --pin " PIN
	    " >/dev/null", world.dir, name, name, id);
	run("rm %s/private/%s.pem %s/%s.p8", world.dir, name, world.dir, name);
}

static void make_key(const char *name, const char *key, const char *id)
{
	const struct pki_spec spec = { .name = name, .issuer = "ca", .key = key, .pathlen = -1,
				       .san = { "dns:hq.example.com" } };

	pki_make(world.pki, &spec);
	pki_put_cert(world.pki, "site", "certs", name);
	pki_put_key(world.pki, "site", name, NULL);
	put_on_token(name, id);
}

static int set_up(void **state)
{
	const struct pki_spec ca = { .name = "ca", .key = "p256", .ca = true, .pathlen = -1 };
	char err[256];

	(void)state;
	if (!find_provider())
		fail_msg("SoftHSM is not installed (selftests/packages)");
	world.pki = pki_new();
	world.dir = pki_folder(world.pki, "site");
	pki_make(world.pki, &ca);
	pki_put_cert(world.pki, "site", "cacerts", "ca");
	run("mkdir -p %s/tokens %s/private && printf 'directories.tokendir = %s/tokens\n' >%s/softhsm2.conf",
	    world.dir, world.dir, world.dir, world.dir);
	snprintf(err, sizeof(err), "%s/softhsm2.conf", world.dir);
	setenv("SOFTHSM2_CONF", err, 1);
	run("softhsm2-util --init-token --free --label nf --so-pin 12345678 --pin " PIN " >/dev/null");
	make_key("rsa", "rsa", "01");
	make_key("p256", "p256", "02");
	make_key("p384", "p384", "03");
	make_key("other", "p256", "04");
	world.signer = signer_start(TOKEN_MS, err, sizeof(err));
	assert_non_null(world.signer);
	token_use(signer_fd(world.signer));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	token_use(-1);
	signer_stop(world.signer);
	pki_free(world.pki);
	return 0;
}

/* ---- URIs ---- */

static void uri_is(const char *uri, bool key, const char *expected, size_t at)
{
	char why[200] = "";
	size_t off = 0;
	bool ok = token_uri_check(uri, key, &off, why, sizeof(why));

	if (!expected) {
		if (!ok)
			fail_msg("%s: %s", uri, why);
		return;
	}
	assert_false(ok);
	assert_non_null(strstr(why, expected));
	assert_int_equal(off, at);
}

static void test_uri(void **state)
{
	(void)state;
	uri_is("pkcs11:token=hq;object=key", true, NULL, 0);
	uri_is("pkcs11:serial=01%20f;id=%00%ff;type=private", true, NULL, 0);
	uri_is("PKCS11:token=hq", false, NULL, 0);
	uri_is("pkcs11:token=hq", true, "object or id", 0);
	uri_is("pkcs11:object=key", true, "token or serial", 0);
	uri_is("pkcs11:", false, "token or serial", 0);
	uri_is("pkcs11:token=hq;colour=red", true, "one of the attributes", 16);
	uri_is("pkcs11:token=hq;object", true, "an attribute such as", 16);
	uri_is("pkcs11:token=;object=x", true, "a value", 12);
	uri_is("pkcs11:token=h%2;object=x", true, "two hexadecimal digits", 14);
	uri_is("pkcs11:token=h/q;object=x", true, "letters, digits", 14);
	uri_is("pkcs11:token=a;token=b;object=x", true, "each attribute once", 15);
	uri_is("pkcs11:token=a;object=x;type=cert", true, "type=private", 24);
	uri_is("pkcs11:token=a;object=x?pin-value=1", true, "no PIN in the URI", 23);
	uri_is("pkcs11:token=a;object=x?pin-source=file:/x", true, "no PIN in the URI", 23);
	uri_is("pkcs11:token=a;object=x;pin-value=1", true, "no PIN in the URI", 24);
	uri_is("pkcs11:token=a;object=x?module-path=/x.so", true, "pkcs11-provider", 23);
	assert_true(token_uri_has("pkcs11:token=h%71;object=x", "pkcs11:token=hq"));
	assert_true(token_uri_has("pkcs11:id=%01;token=a", "pkcs11:token=a;id=%01"));
	assert_false(token_uri_has("pkcs11:token=hq2;object=x", "pkcs11:token=hq"));
	assert_false(token_uri_has("pkcs11:object=x;serial=1", "pkcs11:token=hq"));
	assert_false(token_is_uri("pkcs11.pem"));
}

/* ---- the signer ---- */

static const struct cert_key *key_on_token(struct cert_store *store, const char *cert,
					   const char *uri, const char *pin, enum cert_token expected,
					   char *err, size_t err_len)
{
	const struct token_key where = { world.provider, uri, pin, NULL };
	const struct cert_key *key = NULL;
	enum cert_token got;

	*err = 0;
	got = cert_store_token(store, &where, cert_pub(cert_store_cert(store, cert)), 5000, &key,
			       err, err_len);
	if (got != expected)
		fail_msg("%s: %d, %s", uri, got, err);
	return key;
}

static struct cert_store *load_store(void)
{
	char err[CERT_ERROR_MAX];
	struct cert_store *store = cert_store_load(world.dir, NULL, 0, err, sizeof(err));

	if (!store)
		fail_msg("%s", err);
	return store;
}

static void signs(const struct cert_key *key, uint32_t hashes, enum conf_rsa rsa, const char *name)
{
	char err[CERT_ERROR_MAX] = "", got[64];
	const struct v2_signer signer = { key, hashes, rsa, err, sizeof(err) };
	const struct cert_pub *pub = cert_key_pub(key);
	struct wire_auth auth = { 0 };
	struct cert_alg made, seen;
	struct buf b;

	buf_init(&b);
	if (!v2_sig_make(&signer, abc, &made, &auth.method, &b))
		fail_msg("%s: %s", name, err);
	v2_sig_name(&made, pub, got, sizeof(got));
	assert_string_equal(got, name);
	auth.data = buf_bytes(&b);
	assert_true(v2_sig_check(pub, hashes, &auth, abc, &seen, err, sizeof(err)));
	buf_free(&b);
}

static void test_signatures(void **state)
{
	struct cert_store *store = load_store();
	const struct cert_key *rsa, *p256, *p384;
	char err[CERT_TEXT_MAX];

	(void)state;
	rsa = key_on_token(store, "rsa.pem", URI("rsa"), PIN, CERT_TOKEN_GOOD, err, sizeof(err));
	p256 = key_on_token(store, "p256.pem", "pkcs11:token=nf;id=%02", PIN, CERT_TOKEN_GOOD, err,
			    sizeof(err));
	p384 = key_on_token(store, "p384.pem", URI("p384"), PIN, CERT_TOKEN_GOOD, err, sizeof(err));
	signs(rsa, ALL, CONF_RSA_ANY, "rsa-pss-sha256");
	signs(rsa, ALL, CONF_RSA_PKCS1, "rsa-sha256");
	signs(rsa, BIT(CERT_SHA512), CONF_RSA_PSS, "rsa-pss-sha512");
	signs(rsa, 0, CONF_RSA_ANY, "rsa-sha1");
	signs(p256, ALL, CONF_RSA_ANY, "ecdsa-p256-sha256");
	signs(p256, 0, CONF_RSA_ANY, "ecdsa-p256-sha256");
	signs(p384, ALL, CONF_RSA_ANY, "ecdsa-p384-sha384");
	cert_store_put(store);
}

static void test_refusals(void **state)
{
	struct cert_store *store = load_store();
	char err[CERT_TEXT_MAX];

	(void)state;
	key_on_token(store, "p256.pem", URI("other"), PIN, CERT_TOKEN_MISFIT, err, sizeof(err));
	assert_string_equal(err, "its key is not that of the certificate");
	key_on_token(store, "p256.pem", URI("none"), PIN, CERT_TOKEN_LACKS, err, sizeof(err));
	assert_non_null(strstr(err, "no such token"));
	key_on_token(store, "p256.pem", "pkcs11:token=no;object=p256", PIN, CERT_TOKEN_LACKS, err,
		     sizeof(err));
	assert_non_null(strstr(err, "no such token"));
	key_on_token(store, "p256.pem", URI("p256"), "wrong-pin-4712", CERT_TOKEN_NO_LOGIN, err,
		     sizeof(err));
	assert_string_equal(err, "the token refuses the PIN of the secrets file");
	cert_store_put(store);
}

/* The first refusal of a PIN counts for every later request with that PIN, and asks no token again. */
static void test_one_try(void **state)
{
	struct cert_store *store = load_store();
	const struct bytes none = { NULL, 0 };
	atomic_bool refused = false;
	struct token_key where = { world.provider, URI("p256"), "wrong-pin-4712", &refused };
	const struct cert_pub *pub = cert_pub(cert_store_cert(store, "p256.pem"));
	char err[CERT_TEXT_MAX] = "";
	unsigned int can;

	(void)state;
	assert_int_equal(token_probe(&where, buf_bytes(&pub->spki), 5000, &can, err, sizeof(err)),
			 TOKEN_NO_LOGIN);
	assert_true(refused);
	/* not even a right PIN, and no provider, is tried */
	where.provider = "/nowhere";
	where.pin = PIN;
	assert_int_equal(token_sign(&where, none, 0, none, NULL, err, sizeof(err)), TOKEN_NO_LOGIN);
	assert_non_null(strstr(err, "not tried again"));
	cert_store_put(store);
}

/* a signature that the key cannot make carries the error of the token */
static void test_lost(void **state)
{
	struct cert_store *store = load_store();
	char err[CERT_ERROR_MAX] = "", tokens[300];
	const struct cert_key *key;
	struct v2_signer signer = { .hashes = ALL, .err = err, .err_len = sizeof(err) };
	struct cert_alg made;
	uint8_t method;
	struct buf b;

	(void)state;
	key = key_on_token(store, "p256.pem", URI("p256"), PIN, CERT_TOKEN_GOOD, err, sizeof(err));
	signer.key = key;
	snprintf(tokens, sizeof(tokens), "%s/tokens", world.dir);
	run("mv %s %s.away && mkdir %s", tokens, tokens, tokens);
	buf_init(&b);
	assert_false(v2_sig_make(&signer, abc, &made, &method, &b));
	assert_string_equal(err, URI("p256") ": no such token, or no such private key on it");
	buf_free(&b);
	/* the next try finds it */
	run("rmdir %s && mv %s.away %s", tokens, tokens, tokens);
	signs(key, ALL, CONF_RSA_ANY, "ecdsa-p256-sha256");
	cert_store_put(store);
}

/* reading its configuration hangs in a pipe that nobody writes to */
static void test_hang(void **state)
{
	struct cert_store *store = load_store();
	char err[CERT_TEXT_MAX], fifo[300], conf[300];
	struct signer *slow;
	uint64_t start;

	(void)state;
	snprintf(fifo, sizeof(fifo), "%s/fifo", world.dir);
	snprintf(conf, sizeof(conf), "%s", getenv("SOFTHSM2_CONF"));
	assert_int_equal(mkfifo(fifo, 0600), 0);
	setenv("SOFTHSM2_CONF", fifo, 1);
	slow = signer_start(2000, err, sizeof(err));
	setenv("SOFTHSM2_CONF", conf, 1);
	assert_non_null(slow);
	token_use(signer_fd(slow));
	start = event_now();
	key_on_token(store, "p256.pem", URI("p256"), PIN, CERT_TOKEN_LACKS, err, sizeof(err));
	assert_string_equal(err, "the token does not answer in time");
	assert_true(event_now() - start >= 2000 && event_now() - start < 4500);
	/* the signer itself lives, and takes the next request */
	unlink(fifo);
	run("cp %s %s", conf, fifo);
	key_on_token(store, "p256.pem", URI("p256"), PIN, CERT_TOKEN_GOOD, err, sizeof(err));
	signer_stop(slow);
	token_use(signer_fd(world.signer));
	cert_store_put(store);
}

/* a provider that others could change, or that is none */
static void test_provider(void **state)
{
	struct cert_store *store = load_store();
	char good[sizeof(world.provider)], err[CERT_TEXT_MAX];

	(void)state;
	strcpy(good, world.provider);
	snprintf(world.provider, sizeof(world.provider), "%s/copy.so", world.dir);
	run("cp %s %s", good, world.provider);
	/* the folder is in /tmp, where everybody may write */
	key_on_token(store, "p256.pem", URI("p256"), PIN, CERT_TOKEN_LACKS, err, sizeof(err));
	assert_non_null(strstr(err, "others could change"));
	snprintf(world.provider, sizeof(world.provider), "/etc/passwd");
	key_on_token(store, "p256.pem", URI("p256"), PIN, CERT_TOKEN_LACKS, err, sizeof(err));
	assert_non_null(strstr(err, "/etc/passwd cannot be used"));
	strcpy(world.provider, good);
	cert_store_put(store);
}

/* the exit status says what the process could still do */
static int confined(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];
	char *argv[] = { "true", NULL }, err[256];

	if (!signer_confine(err, sizeof(err)))
		return 1;
	if (syscall(SYS_capget, &head, caps) || caps[0].effective | caps[0].permitted |
	    caps[1].effective | caps[1].permitted)
		return 2;
	if (socket(AF_INET, SOCK_DGRAM, 0) >= 0 || errno != EPERM)
		return 3;
	if (socket(AF_INET6, SOCK_STREAM, 0) >= 0 || socket(AF_NETLINK, SOCK_RAW, 0) >= 0 ||
	    socket(AF_PACKET, SOCK_RAW, 0) >= 0)
		return 4;
	if (socket(AF_UNIX, SOCK_STREAM, 0) < 0)
		return 5;
	if (!execve("/bin/true", argv, NULL) || errno != EPERM)
		return 6;
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) != -1 || errno != EPERM)
		return 7;
	return 0;
}

static void test_confined(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (!pid)
		_exit(confined());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* neither the signer nor the daemon keeps a PIN where the signer's request has ended */
static bool memory_has(pid_t pid, const char *text)
{
	char path[64], line[512], *block = malloc(1 << 20);
	unsigned long from, to;
	bool found = false;
	FILE *maps;
	int mem;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "r");
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY);
	assert_true(maps && mem >= 0 && block);
	while (!found && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx rw", &from, &to) != 2 || !strstr(line, " rw") ||
		    to - from > 64 << 20)
			continue;
		for (; !found && from < to; from += (1 << 20) - 64) {
			ssize_t n = pread(mem, block, to - from < 1 << 20 ? to - from : 1 << 20, from);

			found = n > 0 && memmem(block, n, text, strlen(text));
		}
	}
	free(block);
	fclose(maps);
	close(mem);
	return found;
}

static pid_t pid_of(const char *name)
{
	char command[128], text[32] = "";
	FILE *f;

	snprintf(command, sizeof(command), "pgrep -P %d -x %s", getpid(), name);
	f = popen(command, "r");
	assert_non_null(f);
	if (!fgets(text, sizeof(text), f))
		*text = 0;
	pclose(f);
	return atoi(text);
}

static void test_no_pin_left(void **state)
{
	static const char second[] = "another-pin-0815";
	struct cert_store *store = load_store();
	char err[CERT_TEXT_MAX], pin[sizeof(second)];
	pid_t pid = pid_of("nfipsec-signer");
	size_t i;

	(void)state;
	assert_true(pid > 0);
	/* the signer was forked before this text was composed: it is no constant of this program */
	for (i = 0; i < sizeof(second); i++)
		pin[i] = second[i] ? second[i] ^ 1 : 0;
	key_on_token(store, "p256.pem", URI("p256"), pin, CERT_TOKEN_NO_LOGIN, err, sizeof(err));
	assert_false(memory_has(pid, pin));
	cert_store_put(store);
}

/* ---- the configuration ---- */

static struct conf *conf_of(const char *peer, const char *secrets, struct conf_error *err)
{
	char text[2000], path[300];
	struct conf *conf;

	snprintf(text, sizeof(text), "pkcs11-provider %s\n"
		 "access-list l {\n 10 protect ip from 10.0.0.0/24 to 10.1.0.0/24\n}\n"
		 "peer branch {\n remote address 192.0.2.1\n%s\n tunnel t { access-list l }\n}\n",
		 world.provider, peer);
	snprintf(path, sizeof(path), "%s/nfipsec.conf", world.dir);
	conf = conf_parse(text, strlen(text), path, err);
	pki_put_file(world.pki, "site", ".", "secrets", secrets, strlen(secrets), 0600);
	return conf;
}

#define PEER(uri)	" auth cert  cert p256.pem  key " uri "  local id fqdn hq.example.com"
#define SECRETS		"key pkcs11:token=nf \"" PIN "\"\n"

static void refused(const char *peer, const char *expected)
{
	struct conf_error err;
	struct conf *conf = conf_of(peer, SECRETS, &err);

	assert_null(conf);
	if (!strstr(err.text, expected))
		fail_msg("%s", err.text);
	assert_null(strstr(err.text, "4711"));
}

static void test_conf_errors(void **state)
{
	struct conf_error err;
	struct conf *conf;

	(void)state;
	refused(PEER("pkcs11:token=nf"), "nfipsec.conf:7:32: found a PKCS#11 URI, expected the attribute object or id");
	refused(PEER("\"pkcs11:token=nf;colour=1\""), "nfipsec.conf:7:49: ");
	refused(PEER("pkcs11:token=nf;object=x?pin-value=4711"), "nfipsec.conf:7:56: found a PKCS#11 URI, expected no PIN");
	refused(" auth cert  cert pkcs11:token=nf?pin-value=4711", "nfipsec.conf:7:18: found a PKCS#11 URI");
	refused(" auth cert  key " URI("p256"), "nfipsec.conf:7:17: found a PKCS#11 URI, expected 'cert FILE' with it");
	conf = conf_of(PEER(URI("p256")), "key pkcs11:object=x \"" PIN "\"", &err);
	assert_non_null(conf);
	assert_false(conf_credentials_load(conf, &err));
	assert_non_null(strstr(err.text, "secrets:1:5: expected the attribute token or serial"));
	conf_free(conf);
	conf = conf_of(PEER(URI("p256")), "key pkcs11:token=nf?pin-value=4711 \"x\"", &err);
	assert_false(conf_credentials_load(conf, &err));
	assert_non_null(strstr(err.text, "secrets:1:20: expected no PIN in the URI"));
	conf_free(conf);
}

static void on_broken(const char *text, void *arg)
{
	(void)arg;
	fail_msg("%s", text);
}

static void test_conf(void **state)
{
	uint8_t digest[CERT_DIGEST_LEN];
	struct conf_error err;
	struct conf *conf = conf_of(PEER(URI("p256")), SECRETS, &err);

	(void)state;
	if (!conf || !conf_credentials_load(conf, &err))
		fail_msg("%s", err.text);
	assert_null(conf->peers[0].lacks);
	assert_true(cert_key_waits(conf->peers[0].own_key));
	assert_int_equal(conf->n_passphrases, 0);
	memcpy(digest, conf->peers[0].cert_digest, sizeof(digest));
	conf_free(conf);
	/* another place of the same key is another key for a reload */
	conf = conf_of(PEER("pkcs11:token=nf;id=%02"), SECRETS, &err);
	assert_true(conf_credentials_load(conf, &err));
	assert_memory_not_equal(digest, conf->peers[0].cert_digest, sizeof(digest));
	conf_free(conf);
	conf = conf_of(PEER(URI("other")), SECRETS, &err);
	assert_false(conf_credentials_load(conf, &err));
	assert_non_null(strstr(err.text, "nfipsec.conf:7:18: found 'p256.pem', expected its private key on the token; what is there does not fit it"));
	conf_free(conf);
}

static void lacks(const char *uri, const char *secrets, const char *expected)
{
	struct conf_error err;
	char peer[300];
	struct conf *conf;

	snprintf(peer, sizeof(peer), PEER("%s"), uri);
	conf = conf_of(peer, secrets, &err);
	if (!conf || !conf_credentials_load(conf, &err))
		fail_msg("%s", err.text);
	assert_non_null(conf->peers[0].lacks);
	assert_non_null(strstr(conf->peers[0].lacks, expected));
	conf_free(conf);
	conf = conf_of(peer, secrets, &err);
	assert_true(conf_credentials_load_good(conf, on_broken, NULL));
	assert_non_null(strstr(conf->peers[0].lacks, expected));
	conf_free(conf);
}

static void test_conf_lacks(void **state)
{
	(void)state;
	lacks(URI("none"), SECRETS, "the private key " URI("none") ": no such token");
	lacks(URI("p256"), "", "no PIN for it is in the secrets file, expected key " URI("p256") " \"PIN\"");
	lacks(URI("p256"), "key pkcs11:token=else \"" PIN "\"", "no PIN for it");
	lacks(URI("p256"), "key pkcs11:token=nf \"wrong-pin\"", "the token refuses the PIN");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uri),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_one_try),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_hang),
		cmocka_unit_test(test_provider),
		cmocka_unit_test(test_confined),
		cmocka_unit_test(test_no_pin_left),
		cmocka_unit_test(test_conf_errors),
		cmocka_unit_test(test_conf),
		cmocka_unit_test(test_conf_lacks),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
