// SPDX-License-Identifier: GPL-2.0
/* `nfipsec metrics`: what a parser of OpenMetrics that is not ours reads of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/metrics.c"

/* ---- in place of cli.c and request.c ---- */

json_t *cli_request(const struct cli *cli, json_t *request, void (*each)(const json_t *event))
{
	(void)cli;
	(void)each;
	json_decref(request);
	return NULL;
}

int cli_fail(const char *fmt, ...)
{
	(void)fmt;
	return CLI_FAILED;
}

/* ---- the tests ---- */

#define TUNNELS	"[{\"name\":\"lan\",\"state\":\"up\",\"orphans\":0,\"children\":[{},{}],\"no_sa\":[\"entry 20: a === b\"]," \
		"\"priority\":1,\"role\":\"active\"}," \
		"{\"name\":\"dmz\",\"state\":\"failed\",\"orphans\":0,\"children\":[],\"reason\":\"failed\"," \
		"\"why\":\"it does not answer\",\"next_try\":7,\"priority\":2}," \
		"{\"name\":\"old\",\"state\":\"carried on\",\"orphans\":2,\"children\":[]}]"

#define DATA	"{\"peers\":[{\"name\":\"branch\",\"state\":\"up\",\"ike_sas\":[{}],\"failures\":3," \
		"\"last_error\":{\"last\":1800000000,\"text\":\"x\"},\"tunnels\":" TUNNELS "}," \
		"{\"name\":\"q\\\"\\\\\\n}\",\"state\":\"down\",\"ike_sas\":[],\"failures\":0,\"tunnels\":[]}]," \
		"\"ike\":{\"received\":5,\"bad_icv\":1},\"half_open\":2,\"stranger_jobs\":1}"

/*
 * One line for each sample: name, labels in the order of their names, value. A family that
 * appears twice, an unknown type, a missing EOF and the like make the parser fail.
 */
static const char reader[] =
	"import sys\n"
	"from prometheus_client.openmetrics.parser import text_string_to_metric_families as read\n"
	"for f in read(open(sys.argv[1]).read()):\n"
	"    assert f.documentation, f.name\n"
	"    for s in f.samples:\n"
	"        print(s.name, f.type, repr(sorted(s.labels.items())), int(s.value))\n";

/* what the parser of the package python3-prometheus-client reads; caller frees */
static char *parsed(const json_t *data, const struct module *m)
{
	char path[] = "/tmp/nfipsec-metrics-XXXXXX", command[4096], *out = NULL;
	int fd = mkstemp(path), status;
	FILE *was = stdout, *from;
	size_t len, n;
	char chunk[512];
	FILE *to;

	assert_true(fd >= 0);
	stdout = fdopen(fd, "w");
	print_metrics(data, m);
	fclose(stdout);
	stdout = was;
	/* another python3 than Debian's may be first in PATH, and does not have the package */
	snprintf(command, sizeof(command), "/usr/bin/python3 - %s 2>&1 <<'EOF'\n%s\nEOF\n", path, reader);
	from = popen(command, "r");
	assert_non_null(from);
	to = open_memstream(&out, &len);
	while ((n = fread(chunk, 1, sizeof(chunk), from)))
		fwrite(chunk, 1, n, to);
	fclose(to);
	status = pclose(from);
	unlink(path);
	if (status)
		fail_msg("python3-prometheus-client (make deps) does not read it: %s", out);
	return out;
}

static void assert_has(const char *out, const char *line)
{
	char whole[300];

	snprintf(whole, sizeof(whole), "%s\n", line);
	if (!strstr(out, whole))
		fail_msg("no '%s' in:\n%s", line, out);
}

static void daemon_and_module(void **state)
{
	struct kern_tunnel t = { .name = "branch/lan", .mtu = 1400, .queued = 2, .queue_drops = 3,
				 .acquires = 4 };
	struct kern_stat stats[] = { { "in_packets", 10 }, { "held", 11 } };
	struct module m = { .loaded = true, .has_policy = true, .tunnels = &t, .n_tunnels = 1,
			    .stats = stats, .n_stats = 2 };
	json_t *data = json_loads(DATA, 0, NULL);
	char *out;

	(void)state;
	m.sas[NFIPSEC_DIR_IN] = 7;
	m.sas[NFIPSEC_DIR_OUT] = 6;
	assert_non_null(data);
	out = parsed(data, &m);
	assert_has(out, "nfipsec_build_info gauge [('version', '" NFIPSEC_VERSION "')] 1");
	assert_has(out, "nfipsec_daemon_up gauge [] 1");
	assert_has(out, "nfipsec_policy_in_force gauge [] 1");
	assert_has(out, "nfipsec_peer_up gauge [('peer', 'branch')] 1");
	assert_has(out, "nfipsec_peer_failures_total counter [('peer', 'branch')] 3");
	assert_has(out, "nfipsec_peer_last_failure_timestamp_seconds gauge [('peer', 'branch')] 1800000000");
	assert_has(out, "nfipsec_tunnel_up gauge [('peer', 'branch'), ('tunnel', 'lan')] 1");
	assert_has(out, "nfipsec_tunnel_up gauge [('peer', 'branch'), ('tunnel', 'dmz')] 0");
	assert_has(out, "nfipsec_tunnel_up gauge [('peer', 'branch'), ('tunnel', 'old')] 1");
	assert_has(out, "nfipsec_tunnel_active gauge [('peer', 'branch'), ('tunnel', 'lan')] 1");
	assert_has(out, "nfipsec_tunnel_active gauge [('peer', 'branch'), ('tunnel', 'dmz')] 0");
	assert_null(strstr(out, "nfipsec_tunnel_active gauge [('peer', 'branch'), ('tunnel', 'old')]"));
	assert_has(out, "nfipsec_tunnel_down gauge [('peer', 'branch'), ('reason', 'failed'), ('tunnel', 'dmz')] 1");
	assert_has(out, "nfipsec_tunnel_next_try_seconds gauge [('peer', 'branch'), ('tunnel', 'dmz')] 7");
	assert_has(out, "nfipsec_tunnel_ungranted_selectors gauge [('peer', 'branch'), ('tunnel', 'lan')] 1");
	assert_has(out, "nfipsec_tunnel_child_sas gauge [('peer', 'branch'), ('tunnel', 'lan')] 2");
	assert_has(out, "nfipsec_tunnel_mtu_bytes gauge [('peer', 'branch'), ('tunnel', 'lan')] 1400");
	assert_has(out, "nfipsec_tunnel_held_dropped_total counter [('peer', 'branch'), ('tunnel', 'lan')] 3");
	assert_has(out, "nfipsec_ike_events_total counter [('event', 'bad_icv')] 1");
	assert_has(out, "nfipsec_ike_half_open gauge [] 2");
	assert_has(out, "nfipsec_sas gauge [('direction', 'in')] 7");
	assert_has(out, "nfipsec_module_events_total counter [('counter', 'held')] 11");
	/* only tunnels that are down have a reason */
	assert_null(strstr(out, "'failed'), ('tunnel', 'lan')"));
	free(out);
	json_decref(data);
}

static void names_are_escaped(void **state)
{
	struct module m = { .loaded = false };
	json_t *data = json_loads(DATA, 0, NULL);
	char *out = parsed(data, &m);

	(void)state;
	assert_has(out, "nfipsec_peer_up gauge [('peer', 'q\"\\\\?}')] 0");
	assert_null(strstr(out, "module_events"));
	free(out);
	json_decref(data);
}

static void nothing_runs(void **state)
{
	struct module m = { .loaded = false };
	char *out = parsed(NULL, &m);

	(void)state;
	assert_has(out, "nfipsec_daemon_up gauge [] 0");
	assert_has(out, "nfipsec_module_loaded gauge [] 0");
	assert_null(strstr(out, "peer"));
	free(out);
}

/* a user who may not ask the daemon gets no metric that says it is down */
static void not_permitted(void **state)
{
	char path[] = "/tmp/nfipsec-metrics-XXXXXX";
	const struct cli cli = { .socket = path };
	int fd = mkstemp(path), status;
	pid_t pid;

	(void)state;
	assert_true(fd >= 0);
	pid = fork();
	if (!pid) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534))
			_exit(100);
		if (geteuid() != 65534)
			fchmod(fd, 0);
		_exit(cli_metrics(&cli, 0, NULL));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), CLI_FAILED);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(daemon_and_module),
		cmocka_unit_test(names_are_escaped),
		cmocka_unit_test(nothing_runs),
		cmocka_unit_test(not_permitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
