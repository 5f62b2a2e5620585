// SPDX-License-Identifier: GPL-2.0
/* Files that a configuration includes: which, in what order, and what is said of a bad one. */
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

#include "conf/warn.h"

#define LIST(name, net) "access-list " name " { 1 protect ip from 10.1.0.0/16 to 10." net ".0.0/16 }\n"
#define PEER(name) "peer " name " { remote address 192.0.2.2 tunnel t { access-list " name " } }\n"

static char dir[64];

static const char *at(const char *name)
{
	static char path[4][300];
	static unsigned int i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "we");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_false(fclose(f));
	assert_false(chmod(at(name), 0644));
}

static void folder(const char *name)
{
	assert_false(mkdir(at(name), 0755));
}

/* an empty folder for each test */
static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/nfipsec-include.XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_false(chmod(dir, 0755));
	return 0;
}

static int tear_down(void **state)
{
	char words[100];

	(void)state;
	snprintf(words, sizeof(words), "rm -rf %s", dir);
	assert_false(system(words));
	return 0;
}

static struct conf *load(const char *name)
{
	struct conf_error err = { .text = "" };
	struct conf *conf = conf_load(at(name), &err);

	if (!conf)
		fail_msg("%s", err.text);
	return conf;
}

/* @want begins behind the name of the test's folder */
static void refused(const char *name, const char *want)
{
	struct conf_error err = { .text = "" };

	assert_null(conf_load(at(name), &err));
	if (strncmp(err.text, at(want), strlen(at(want))))
		fail_msg("'%s', expected '%s'", err.text, at(want));
}

/* @want is anywhere in the text */
static void refused_with(const char *name, const char *want)
{
	struct conf_error err = { .text = "" };

	assert_null(conf_load(at(name), &err));
	if (!strstr(err.text, want))
		fail_msg("'%s', expected '%s'", err.text, want);
}

static void lists_are(const struct conf *conf, const char *names)
{
	char all[200] = "";
	unsigned int i;

	for (i = 0; i < conf->n_lists; i++) {
		strcat(all, i ? " " : "");
		strcat(all, conf->lists[i].name);
	}
	assert_string_equal(all, names);
}

static void files_of_a_pattern_come_in_order(void **state)
{
	struct conf *conf;

	(void)state;
	folder("conf.d");
	put("c", LIST("first", "2") "include \"conf.d/*.conf\"\n" LIST("last", "3")
	    PEER("first") PEER("last"));
	put("conf.d/20.conf", LIST("twenty", "20") PEER("twenty"));
	put("conf.d/100.conf", LIST("hundred", "100") PEER("hundred"));
	put("conf.d/Z.conf", "# nothing\n");
	put("conf.d/a.conf", LIST("a", "30"));
	put("conf.d/b.conf", PEER("a"));
	put("conf.d/old.conf~", "nonsense");
	put("conf.d/.hidden.conf", "nonsense");
	conf = load("c");
	/* 100 is before 20, as octets are; a block may be used in another file */
	lists_are(conf, "first hundred twenty a last");
	assert_int_equal(conf->n_peers, 5);
	assert_string_equal(conf->path, at("c"));
	assert_string_equal(conf->lists[1].at.file, at("conf.d/100.conf"));
	assert_int_equal(conf->lists[1].at.line, 1);
	assert_string_equal(conf->lists[4].at.file, at("c"));
	assert_int_equal(conf->lists[4].at.line, 3);
	conf_free(conf);
}

/* a folder has them in the order in which they were made, or in that of a hash */
static void many_files_come_in_order(void **state)
{
	enum { N = 24 };
	char name[32], text[300];
	struct conf *conf;
	unsigned int i, k;

	(void)state;
	folder("d");
	for (i = 0; i < N; i++) {
		k = i * 7 % N;
		snprintf(name, sizeof(name), "d/%02u", k);
		snprintf(text, sizeof(text), "access-list l%02u { 1 bypass ip from any to 10.0.0.1 }", k);
		put(name, text);
	}
	put("c", "include \"d/*\"\n");
	conf = load("c");
	assert_int_equal(conf->n_lists, N);
	for (i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "l%02u", i);
		assert_string_equal(conf->lists[i].name, name);
	}
	conf_free(conf);
}

static void names_start_at_the_including_file(void **state)
{
	char text[400];
	struct conf *conf;

	(void)state;
	folder("x");
	folder("x/y");
	snprintf(text, sizeof(text), "include x/one\ninclude \"%s/two\"\n", dir);
	put("c", text);
	put("x/one", "include y/*\n" LIST("one", "2") PEER("one") "include ../three\n");
	put("x/y/four", LIST("four", "3") PEER("four"));
	put("two", LIST("two", "4") PEER("two"));
	put("three", LIST("three", "5") PEER("three"));
	conf = load("c");
	lists_are(conf, "four one three two");
	conf_free(conf);
	/* beside the file itself, and not beside a link to it, so that each command finds the same */
	folder("elsewhere");
	assert_false(symlink("../c", at("elsewhere/link")));
	conf = load("elsewhere/link");
	assert_int_equal(conf->n_lists, 4);
	conf_free(conf);
}

static void nothing_needs_to_match(void **state)
{
	struct conf *conf;

	(void)state;
	folder("conf.d");
	put("c", "include \"conf.d/*.conf\"\n" LIST("l", "2") PEER("l"));
	conf = load("c");
	assert_int_equal(conf->n_lists, 1);
	conf_free(conf);
	put("c", "include conf.d/lan.conf\n");
	refused("c", "c:1:9: include 'conf.d/lan.conf': ");
	refused_with("c", "lan.conf: No such file or directory");
	/* a folder that is spelled wrong has no match either, and lets packets pass in clear */
	put("c", "\ninclude \"config.d/*.conf\"\n");
	refused("c", "c:2:9: include 'config.d/*.conf': ");
	refused_with("c", "config.d: No such file or directory");
}

static void errors_are_of_the_included_file(void **state)
{
	(void)state;
	put("c", "include one\n");
	put("one", "# fine\ninclude two");
	put("two", LIST("l", "2") "\n  peer l { remote addres 192.0.2.2 }");
	refused("c", "two:3:19: found 'addres', expected ");
	/* what is found when all of it is read */
	put("two", LIST("l", "2") PEER("l") PEER("l"));
	refused("c", "two:3:6: found a second peer 'l', ");
	put("one", LIST("l", "3") "include two");
	refused("c", "two:1:13: found a second access-list 'l', ");
	put("one", "include two\n");
	put("two", PEER("l"));
	refused("c", "two:1:58: found 'l', expected the name of an access-list");
	put("two", LIST("l", "2") "peer l { local address 10.0.0.1 remote address 192.0.2.2\n"
	    "tunnel t { access-list l mode transport } }\n");
	refused("c", "two:1:17: entry 1: found a source without the peer's local address");
	/* a block ends where its file does */
	put("one", "access-list l {\ninclude two\n");
	put("two", "1 protect ip from any to any }\n");
	refused("c", "one:2:1: found 'include', expected a word or '}'");
	put("one", "include two\n");
	put("two", "access-list l {\n");
	refused("c", "two:2:1: found the end of the file, ");
}

static void loops_are_refused(void **state)
{
	(void)state;
	put("c", "include \"*\"\n");
	refused("c", "c:1:9: include '*': found ");
	refused_with("c", "which is the file of this line or includes that");
	put("c", "include one\n");
	put("one", "include two\n");
	put("two", " include c");
	refused("c", "two:1:10: include 'c': found ");
	/* by another name, too */
	put("two", "include three");
	assert_false(symlink("one", at("three")));
	refused("c", "two:1:9: include 'three': found ");
	/* twice is no loop, and harmless where there is nothing that has a name */
	put("c", "include one\ninclude one\n");
	put("one", "limits { half-open 7 }");
	conf_free(load("c"));
}

static void depth_and_number_are_bounded(void **state)
{
	char name[16], text[64];
	unsigned int i;

	(void)state;
	for (i = 1; i <= 8; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		snprintf(text, sizeof(text), i < 8 ? "include f%u" : "# the last", i + 1);
		put(name, text);
	}
	conf_free(load("f1"));
	put("f8", "include f9");
	put("f9", "");
	refused("f1", "f8:1:9: found include 'f9' in a file at depth 8, ");
	/* each file of this folder twice, and so on: no more than what is said is read */
	for (i = 2; i <= 8; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		snprintf(text, sizeof(text), i < 8 ? "include f%u include f%u include f%u include f%u" : "",
			 i + 1, i + 1, i + 1, i + 1);
		put(name, text);
	}
	put("f1", "include f2 include f2 include f2 include f2");
	refused_with("f1", "expected at most 10000 files in all");
}

static void octets_are_bounded(void **state)
{
	char *text = malloc((6 << 20) + 1);

	(void)state;
	assert_non_null(text);
	memset(text, '\n', 6 << 20);
	text[6 << 20] = 0;
	put("one", text);
	put("two", text);
	put("three", text);
	put("c", "include one\ninclude two\n");
	conf_free(load("c"));
	put("c", "include one\ninclude two\ninclude three\n");
	refused("c", "c:3:9: include 'three': found more than 16 MB with ");
	free(text);
}

static void what_others_can_change_is_refused(void **state)
{
	(void)state;
	folder("conf.d");
	put("conf.d/a", LIST("l", "2") PEER("l"));
	put("c", "include \"conf.d/*\"\n");
	assert_false(chmod(at("conf.d/a"), 0664));
	refused("c", "c:1:9: include 'conf.d/*': ");
	refused_with("c", "conf.d/a: found mode 0664, expected 0644");
	assert_false(chmod(at("conf.d/a"), 0644));
	assert_false(chmod(at("conf.d"), 0775));
	refused_with("c", "conf.d: found mode 0775, expected 0755");
	put("c", "include conf.d/a\n");
	refused_with("c", "conf.d: found mode 0775, expected 0755");
	/* in a folder such as /tmp somebody could add to what the pattern takes, but change no file */
	assert_false(chmod(at("conf.d"), 01777));
	conf_free(load("c"));
	put("c", "include \"conf.d/*\"\n");
	refused_with("c", "conf.d: found mode 1777, expected 1755");
	assert_false(unlink(at("conf.d/a")));
	refused_with("c", "conf.d: found mode 1777, expected 1755");
	if (geteuid())
		return;
	assert_false(chmod(at("conf.d"), 0755));
	put("conf.d/a", LIST("l", "2") PEER("l"));
	assert_false(chown(at("conf.d/a"), 65534, 65534));
	refused_with("c", "conf.d/a: found owner 65534, expected root");
}

static void odd_names_are_refused(void **state)
{
	(void)state;
	folder("conf.d");
	put("c", "include \"\"\n");
	refused("c", "c:1:9: found '', expected the name of a file, or a pattern");
	put("c", "include conf.d/\n");
	refused("c", "c:1:9: found 'conf.d/', expected the name of a file");
	put("c", "include \"*/lan.conf\"\n");
	refused("c", "c:1:9: found '*/lan.conf', expected wildcards behind the last '/' alone");
	put("c", "include conf.d\n");
	refused_with("c", "conf.d: found no regular file, expected one");
	/* nobody writes to it: the daemon does not wait */
	assert_false(mkfifo(at("fifo"), 0600));
	put("c", "include fifo\n");
	refused_with("c", "fifo: found no regular file, expected one");
	put("c", "include /dev/zero\n");
	refused_with("c", "/dev/zero: found mode 0666");
	put("c", "include\n");
	refused("c", "c:2:1: found the end of the file, expected a word or a string");
}

static void on_warning(const char *text, void *arg)
{
	snprintf(arg, 600, "%s", text);
}

static void warnings_name_both_files(void **state)
{
	char said[600] = "", want[900];
	struct conf *conf;

	(void)state;
	put("c", "include one\n" LIST("l", "2") PEER("l"));
	put("one", "\naccess-list x { 7 discard ip from any to 10.0.0.0/8 }\n");
	conf = load("c");
	conf_warn(conf, &(struct conf_host){ 0 }, on_warning, said);
	conf_free(conf);
	snprintf(want, sizeof(want), "%s:2:17: warning: entry 1 takes no packet, because entry 7 of access-list x on line 2 of %s takes all",
		 at("c"), at("one"));
	assert_memory_equal(said, want, strlen(want));
}

/* a text that comes from nowhere has nothing beside it */
static void text_includes_nothing(void **state)
{
	static const char text[] = "include /etc/passwd\n";
	struct conf_error err;

	(void)state;
	assert_null(conf_parse(text, strlen(text), "f", &err));
	assert_non_null(strstr(err.text, "f:1:9: found include '/etc/passwd', expected none"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_of_a_pattern_come_in_order),
		TEST(many_files_come_in_order),
		TEST(names_start_at_the_including_file),
		TEST(nothing_needs_to_match),
		TEST(errors_are_of_the_included_file),
		TEST(loops_are_refused),
		TEST(depth_and_number_are_bounded),
		TEST(octets_are_bounded),
		TEST(what_others_can_change_is_refused),
		TEST(odd_names_are_refused),
		TEST(warnings_name_both_files),
		TEST(text_includes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
