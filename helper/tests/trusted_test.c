// SPDX-License-Identifier: GPL-2.0
/* A load refuses each file, folder, link and parent that other users could change, by name. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "core/trusted.h"
#include "pki.h"

#define NOBODY	65534
#define TEXT	"access-list l { 10 protect ip from 10.1.0.0/16 to 10.2.0.0/16 }\n" \
		"peer p { local id fqdn a.example.com remote address 192.0.2.2 id fqdn a.example.com\n" \
		"auth cert tunnel t { access-list l } }\n"

static struct pki *pki;
static const char *dir;		/* of the configuration, below pki's own, below /tmp */

static const char *at(const char *name)
{
	static char path[2][300];
	static unsigned int i;

	i = !i;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

static int set_up(void **state)
{
	(void)state;
	pki = pki_new();
	pki_make(pki, &(struct pki_spec){ .name = "ca", .ca = true, .pathlen = -1 });
	pki_make(pki, &(struct pki_spec){ .name = "a", .issuer = "ca", .san = { "dns:a.example.com" } });
	dir = pki_site(pki, "d", "a", "ca");
	pki_put_file(pki, "d", ".", "c", TEXT, strlen(TEXT), 0644);
	pki_put_file(pki, "d", ".", "secrets", "psk any any \"x\"\n", 16, 0600);
	assert_false(mkdir(at("crls"), 0755));
	assert_false(mkdir(at("other"), 0755));
	return 0;
}

static int tear_down(void **state)
{
	char words[400];

	(void)state;
	snprintf(words, sizeof(words), "rm -rf %s/crls %s/other %s/link* %s/certs/link*", dir, dir, dir, dir);
	assert_false(system(words));
	pki_free(pki);
	return 0;
}

/* as `nfipsec check` and each load after the first; @want: part of the refusal; NULL: none */
static void load_path(const char *path, const char *want)
{
	struct conf_error err = { .text = "" };
	struct conf *conf = conf_load(path, &err);
	bool ok = conf && conf_credentials_load(conf, &err);

	conf_free(conf);
	if (!want && !ok)
		fail_msg("%s", err.text);
	if (want && (ok || !strstr(err.text, want)))
		fail_msg("'%s', expected '%s'", ok ? "taken" : err.text, want);
}

static void load(const char *name, const char *want)
{
	load_path(at(name), want);
}

/* one wrong mode at a time */
static void with_mode(const char *name, unsigned int mode, const char *want)
{
	struct stat st;

	assert_false(stat(at(name), &st));
	assert_false(chmod(at(name), mode));
	load("c", want);
	assert_false(chmod(at(name), st.st_mode & 07777));
	load("c", NULL);
}

static void with_owner(const char *name, const char *want)
{
	assert_false(lchown(at(name), NOBODY, -1));
	load("c", want);
	assert_false(lchown(at(name), 0, -1));
	load("c", NULL);
}

static void modes(void **state)
{
	(void)state;
	load("c", NULL);
	with_mode("c", 0664, "/d/c: found mode 0664, expected 0644");
	with_mode("c", 0646, "/d/c: found mode 0646, expected 0644");
	with_mode(".", 0775, "/d: found mode 0775, expected 0755");
	with_mode("..", 0777, ": found mode 0777, expected 0755");
	with_mode("..", 0720, ": found mode 0720, expected 0700");
	with_mode("cacerts", 0777, "/d/cacerts: found mode 0777");
	with_mode("certs", 0770, "/d/certs: found mode 0770");
	with_mode("private", 0730, "/d/private: found mode 0730");
	with_mode("crls", 0757, "/d/crls: found mode 0757");
	with_mode("cacerts/ca.pem", 0666, "/d/cacerts/ca.pem: found mode 0666");
	with_mode("certs/a.pem", 0664, "/d/certs/a.pem: found mode 0664");
	with_mode("private/a.pem", 0640, "/d/private/a.pem:");
	with_mode("secrets", 0620, "/d/secrets:");
	/* readable by all is nothing to refuse */
	with_mode(".", 0755, NULL);
	with_mode("cacerts", 0755, NULL);
}

/* every file of these folders is read, so that the sticky bit does not help */
static void sticky(void **state)
{
	(void)state;
	with_mode("cacerts", 01777, "/d/cacerts: found mode 1777");
	with_mode("crls", 01777, "/d/crls: found mode 1777");
	with_mode("certs", 01770, "/d/certs: found mode 1770");
	/* a folder above is as /tmp: what is root's in it stays */
	with_mode("..", 01777, NULL);
	with_mode(".", 01777, NULL);
	assert_false(chmod(at("."), 01777));
	assert_false(lchown(at("secrets"), NOBODY, -1));
	load("c", "/d/secrets: found owner 65534, expected root");
	assert_false(lchown(at("secrets"), 0, -1));
	assert_false(chmod(at("."), 0700));
}

/* of a command, a folder above that others can write in is refused as well */
static void commands(void **state)
{
	char err[400] = "";

	(void)state;
	assert_false(chmod(at("."), 01777));
	assert_true(trusted_file(at("c"), err, sizeof(err)));
	assert_false(trusted_command(at("c"), err, sizeof(err)));
	/* pki's own folder is below /tmp */
	assert_non_null(strstr(err, "/tmp: found mode 1777, expected 1755"));
	assert_false(chmod(at("."), 0700));
	assert_true(trusted_command("/bin/sh", err, sizeof(err)));
}

static void owners(void **state)
{
	(void)state;
	if (geteuid()) {
		skip();
		return;
	}
	with_owner("c", "/d/c: found owner 65534, expected root");
	with_owner(".", "/d: found owner 65534");
	with_owner("..", ": found owner 65534, expected root");
	with_owner("cacerts", "/d/cacerts: found owner 65534");
	with_owner("certs", "/d/certs: found owner 65534");
	with_owner("private", "/d/private: found owner 65534");
	with_owner("crls", "/d/crls: found owner 65534");
	with_owner("cacerts/ca.pem", "/d/cacerts/ca.pem: found owner 65534");
	with_owner("certs/a.pem", "/d/certs/a.pem: found owner 65534");
	with_owner("private/a.pem", "/d/private/a.pem: found owner 65534");
	with_owner("secrets", "/d/secrets: found owner 65534");
}

static void crl_files(void **state)
{
	(void)state;
	pki_put_file(pki, "d", "crls", "x.crl", "no list\n", 8, 0666);
	load("c", "/d/crls/x.crl: found mode 0666, expected 0644");
	assert_false(chmod(at("crls/x.crl"), 0644));
	load("c", "/d/crls/x.crl: ");
	assert_false(unlink(at("crls/x.crl")));
}

static void links(void **state)
{
	(void)state;
	assert_false(symlink("c", at("link")));
	load("link", NULL);
	/* the certificate is elsewhere, as certbot does */
	assert_false(rename(at("certs/a.pem"), at("other/a.pem")));
	assert_false(symlink("../other/../other/./a.pem", at("certs/link.pem")));
	load("c", NULL);
	with_mode("other", 0777, "/d/other: found mode 0777");
	with_mode("other", 01777, NULL);
	with_mode("other/a.pem", 0662, "/d/other/a.pem: found mode 0662");
	if (!geteuid())
		with_owner("certs/link.pem", "/d/certs/link.pem: found owner 65534");
	assert_false(unlink(at("certs/link.pem")));
	assert_false(rename(at("other/a.pem"), at("certs/a.pem")));
	/* an absolute one, to a folder */
	assert_false(symlink(dir, at("link-dir")));
	load("link-dir/c", NULL);
	if (!geteuid()) {
		assert_false(lchown(at("link-dir"), NOBODY, -1));
		load("link-dir/c", "/d/link-dir: found owner 65534");
	}
	/* round and round, and to nothing */
	assert_false(symlink("link-loop", at("link-loop")));
	load("link-loop", "/link-loop: Too many levels of symbolic links");
	assert_false(symlink("nothing", at("link-nothing")));
	load("link-nothing", "No such file");
}

static void relative(void **state)
{
	char err[400] = "", cwd[400];

	(void)state;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_false(chdir(at("certs")));
	assert_true(trusted_file("a.pem", err, sizeof(err)));
	assert_true(trusted_file("./../c", err, sizeof(err)));
	assert_false(trusted_file("../c/", err, sizeof(err)) && trusted_file("../c/x", err, sizeof(err)));
	assert_false(chmod(at("."), 0777));
	assert_false(trusted_file("a.pem", err, sizeof(err)));
	assert_false(chmod(at("."), 0700));
	assert_true(trusted_folder("/", err, sizeof(err)) || strstr(err, "/: found"));
	assert_false(chdir(cwd));
}

/* A shell passes a pipe by the number of its descriptor; a path that only begins so is a path. */
static void descriptors(void **state)
{
	struct conf_error err = { .text = "" };
	char path[400];
	struct conf *conf;
	int fd;

	(void)state;
	assert_false(chmod(at("c"), 0666));
	fd = open(at("c"), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	conf = conf_load(path, &err);
	if (!conf)
		fail_msg("%s", err.text);
	conf_free(conf);
	snprintf(path, sizeof(path), "/dev/fd/../../../..%s", at("c"));
	load_path(path, "/d/c: found mode 0666, expected 0644");
	load_path("/dev/fd/", "/dev/fd");
	assert_false(close(fd));
	assert_false(chmod(at("c"), 0644));
}

static void on_broken(const char *text, void *arg)
{
	snprintf(arg, 400, "%s", text);
}

/* the daemon's first load: the policy counts, and what others could change does not */
static void first_load(void **state)
{
	struct conf_error err = { .text = "" };
	char broken[400] = "";
	struct conf *conf;

	(void)state;
	assert_false(chmod(at("cacerts"), 0777));
	conf = conf_load(at("c"), &err);
	assert_non_null(conf);
	assert_true(conf_credentials_load_good(conf, on_broken, broken));
	assert_non_null(strstr(broken, "/d/cacerts: found mode 0777"));
	assert_null(cert_store_ca_at(conf->certs, 0));
	conf_free(conf);
	assert_false(chmod(at("cacerts"), 0700));
	/* without the lists no certificate is known to be good */
	assert_false(chmod(at("crls"), 0777));
	conf = conf_load(at("c"), &err);
	assert_true(conf_credentials_load_good(conf, on_broken, broken));
	assert_non_null(strstr(conf->peers[0].lacks, "/d/crls: found mode 0777"));
	conf_free(conf);
	assert_false(chmod(at("crls"), 0755));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes),
		cmocka_unit_test(sticky),
		cmocka_unit_test(commands),
		cmocka_unit_test(owners),
		cmocka_unit_test(crl_files),
		cmocka_unit_test(links),
		cmocka_unit_test(relative),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(first_load),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
