// SPDX-License-Identifier: GPL-2.0
/* Entries of several tunnels with `priority` for the same packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/conf.h"

#define BRANCH	"protect ip from 10.1.0.0/16 to 10.2.0.0/16"

/* two peers, the settings of whose tunnels are @a and @b */
static struct conf *parse(const char *lists, const char *a, const char *b, struct conf_error *err)
{
	char text[4096];

	snprintf(text, sizeof(text), "%s\n"
		 "peer a { remote address 192.0.2.2 local address 192.0.2.1 auth psk tunnel t { access-list a %s } }\n"
		 "peer b { remote address 192.0.2.3 local address 192.0.2.1 auth psk tunnel t { access-list b %s } }\n",
		 lists, a, b);
	return conf_parse(text, strlen(text), "c", err);
}

static struct conf *good(const char *lists, const char *a, const char *b)
{
	struct conf_error err;
	struct conf *conf = parse(lists, a, b, &err);

	if (!conf)
		fail_msg("%s", err.text);
	return conf;
}

static void refused(const char *a, const char *b, const char *want)
{
	struct conf_error err;
	struct conf *conf = parse("access-list a { 10 " BRANCH " } access-list b { 10 " BRANCH " }", a, b, &err);

	assert_null(conf);
	if (strcmp(err.text, want))
		fail_msg("'%s', expected '%s'", err.text, want);
}

static const struct conf_entry *entry(const struct conf *conf, const char *list, uint32_t number)
{
	const struct conf_list *l = conf_list_find(conf, list);
	unsigned int i;

	for (i = 0; i < l->n; i++)
		if (l->entries[i].number == number)
			return &l->entries[i];
	fail_msg("%s has no entry %u", list, number);
	return NULL;
}

static void pair(void **state)
{
	/* the list that comes first is the worse one's */
	struct conf *conf = good("access-list a { 10 " BRANCH "\n20 bypass ip from any to any }\n"
				 "access-list b { 7 " BRANCH "\n8 protect ip from 10.1.0.0/16 to 10.3.0.0/16 }",
				 "priority 20", "priority 10");
	const struct conf_group *g = entry(conf, "a", 10)->group;

	(void)state;
	assert_int_equal(conf->n_groups, 1);
	assert_non_null(g);
	assert_ptr_equal(entry(conf, "b", 7)->group, g);
	assert_null(entry(conf, "b", 8)->group);
	assert_null(entry(conf, "a", 20)->group);
	assert_int_equal(g->n, 2);
	assert_string_equal(g->members[0].list->name, "b");
	assert_string_equal(g->members[1].list->name, "a");
	assert_ptr_equal(g->first->e, entry(conf, "a", 10));
	assert_int_equal(conf->peers[0].tunnels[0].start, CONF_START_AT_LOAD);
	conf_free(conf);
}

/* Entries that differ in an address, a port or the protocol make no group. */
static void equal_entries_alone(void **state)
{
	static const char *const others[] = {
		"protect tcp from 10.1.0.0/16 to 10.2.0.0/16", "protect ip from 10.1.0.0/17 to 10.2.0.0/16",
		"protect ip from 10.1.0.0/16 to 10.2.0.0/15", "protect ip from 10.2.0.0/16 to 10.1.0.0/16",
		"protect tcp from 10.1.0.0/16 to 10.2.0.0/16 port 80",
	};
	char lists[400];
	struct conf *conf;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(*others); i++) {
		snprintf(lists, sizeof(lists), "access-list a { 10 " BRANCH " }\naccess-list b { 10 %s }", others[i]);
		conf = good(lists, "priority 1", "priority 2");
		assert_int_equal(conf->n_groups, 0);
		conf_free(conf);
	}
	for (i = 0; i < 2; i++) {
		static const char *const ports[] = { "81-90", "80-91" };

		snprintf(lists, sizeof(lists),
			 "access-list a { 10 protect tcp from 10.1.0.0/16 to 10.2.0.0/16 port 80-90 }\n"
			 "access-list b { 10 protect tcp from 10.1.0.0/16 to 10.2.0.0/16 port %s }", ports[i]);
		conf = good(lists, "priority 1", "priority 2");
		assert_int_equal(conf->n_groups, 0);
		conf_free(conf);
	}
	conf = good("access-list a { 10 " BRANCH " }\naccess-list b { 10 " BRANCH " }", "priority 1", "");
	assert_int_equal(conf->n_groups, 0);
	assert_int_equal(conf->peers[1].tunnels[0].start, CONF_START_ON_TRAFFIC);
	conf_free(conf);
}

/* a line from any to any is two entries, and a repetition in one list is nobody's standby */
static void families_and_repetitions(void **state)
{
	struct conf *conf = good("access-list a { 1 protect udp from any to any\n2 protect udp from any to any }\n"
				 "access-list b { 5 protect udp from any to any }", "priority 1", "priority 2");
	unsigned int i;

	(void)state;
	assert_int_equal(conf->n_groups, 2);
	for (i = 0; i < 2; i++) {
		const struct conf_group *g = conf->lists[0].entries[i].group;

		assert_int_equal(g->n, 2);
		assert_string_equal(g->members[0].list->name, "a");
		assert_int_equal(g->members[0].e->number, 1);
		assert_int_equal(g->members[1].e->number, 5);
		assert_ptr_equal(g->first->e, &conf->lists[0].entries[i]);
		assert_null(conf->lists[0].entries[2 + i].group);
	}
	conf_free(conf);
}

static void refusals(void **state)
{
	(void)state;
	refused("priority 0", "", "c:2:102: found '0', expected a number from 1 to 255, of which 1 is the best");
	refused("priority 256", "", "c:2:102: found '256', expected a number from 1 to 255, of which 1 is the best");
	refused("priority 3", "priority 3",
		"c:3:102: found priority 3, expected a number of its own: tunnel 't' of peer 'a' has it for the packets of entry 10, too");
	refused("priority 1 idle-timeout 10m", "",
		"c:2:102: found priority with idle-timeout, expected one of them: a standby carries no packets, so it would end");
	refused("priority 1 start on-traffic", "",
		"c:2:102: found priority with start on-traffic, expected at-load or manual: a standby is up before packets need it");
	refused("priority 1 mode transport", "",
		"c:2:102: found priority with mode transport, expected mode tunnel: two peers do not have one address");
}

/* @n tunnels of one peer for the same packets */
static struct conf *many(unsigned int n, struct conf_error *err)
{
	char *text = NULL;
	struct conf *conf;
	unsigned int i;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (i = 0; i < n; i++)
		fprintf(f, "access-list l%u { 10 " BRANCH " }\n", i);
	fprintf(f, "peer a { remote address any local address 192.0.2.1 remote id fqdn a auth psk\n");
	for (i = 0; i < n; i++)
		fprintf(f, "tunnel t%u { access-list l%u priority %u }\n", i, i, n - i);
	fprintf(f, "}\n");
	fclose(f);
	conf = conf_parse(text, len, "c", err);
	free(text);
	return conf;
}

static void bounded(void **state)
{
	struct conf_error err;
	struct conf *conf = many(8, &err);

	(void)state;
	if (!conf)
		fail_msg("%s", err.text);
	assert_int_equal(conf->groups[0].n, 8);
	assert_string_equal(conf->groups[0].members[0].list->name, "l7");
	/* nothing to begin with: the peer has no address */
	assert_int_equal(conf->peers[0].tunnels[0].start, CONF_START_ON_TRAFFIC);
	conf_free(conf);
	assert_null(many(9, &err));
	assert_string_equal(err.text, "c:11:37: found one more tunnel for the packets of entry 10, expected at most 8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pair),
		cmocka_unit_test(equal_entries_alone),
		cmocka_unit_test(families_and_repetitions),
		cmocka_unit_test(refusals),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
