// SPDX-License-Identifier: GPL-2.0
/*
 * Every command of nfipsec, with a daemon and a module whose names and texts are hostile: what it
 * prints has no control character, and no more lines than with harmless ones.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

/* a fake module, fake rules and fake routes; the library has the real ones */
#define kern_open fake_open
#define kern_close fake_close
#define kern_error fake_error
#define kern_policy_exists fake_policy_exists
#define kern_policy_set fake_policy_set
#define kern_policy_dump fake_policy_dump
#define kern_tunnel_dump fake_tunnel_dump
#define kern_sa_dump fake_sa_dump
#define kern_sa_add fake_sa_add
#define kern_sa_del fake_sa_del
#define kern_sa_move fake_sa_move
#define kern_sa_dummy fake_sa_dummy
#define kern_sa_flush fake_sa_flush
#define kern_stats fake_stats
#define kern_explain fake_explain
#define nft_rules_load fake_rules_load
#define route_get fake_route_get
#define reason_get fake_reason_get
#define reason_set fake_reason_set

#define main nfipsec_main
#include "cli/main.c"
#undef main
#include "cli/cli.c"
#include "cli/explain.c"
#include "cli/policy.c"
/* static names of cli/explain.c */
#define is_protected probe_is_protected
#include "cli/probe.c"
#undef is_protected
/* static names of cli/explain.c, and of this file */
#define is_protected nat_is_protected
#define say nat_say
#include "cli/nat.c"
#undef say
#undef is_protected
#include "cli/reach.c"
#include "cli/request.c"
#include "cli/sa.c"
#include "cli/show.c"
#include "cli/state.c"
/* static names of cli/show.c */
#define text verify_text
#define each_tunnel verify_each_tunnel
#include "cli/verify.c"
#undef text
#undef each_tunnel
/* likewise */
#define text failures_text
#define number failures_number
#include "cli/failures.c"
#undef text
#undef number
#define text metrics_text
#define number metrics_number
#define module metrics_module
#include "cli/metrics.c"
#undef text
#undef number
#undef module

#define HARMLESS "x"
/* C0 with newlines, DEL, C1, an override of direction, an octet that is no UTF-8 */
#define HOSTILE "x\n<3>e\033[2J\r\177\xc2\x9b\xe2\x80\xae\xff"

static const char *evil;	/* the text of every source */
static bool refuses, no_policy_there;
static struct kern *const module = (struct kern *)&evil;

/* ---- the module ---- */

struct kern *kern_open(bool events, char *err, size_t err_len)
{
	(void)events;
	(void)err;
	(void)err_len;
	return module;
}

void kern_close(struct kern *k)
{
	(void)k;
}

const char *kern_error(const struct kern *k)
{
	(void)k;
	return evil;
}

int kern_policy_exists(struct kern *k)
{
	(void)k;
	return !no_policy_there;
}

bool reason_get(char *out, size_t len)
{
	snprintf(out, len, "%s", evil);
	return true;
}

void reason_set(const char *text)
{
	(void)text;
}

static int answer(void)
{
	return refuses ? -EINVAL : 0;
}

int kern_policy_set(struct kern *k, const struct conf *conf)
{
	(void)k;
	(void)conf;
	return answer();
}

static struct kern_entry an_entry(uint8_t action)
{
	struct kern_entry e = { .number = 10, .action = action, .strict = true };

	snprintf(e.list, sizeof(e.list), "%s", evil);
	snprintf(e.tunnel, sizeof(e.tunnel), "%s/%s", evil, evil);
	e.src.min.family = e.src.max.family = e.dst.min.family = e.dst.max.family = AF_INET;
	return e;
}

int kern_policy_dump(struct kern *k, void (*each)(const struct kern_entry *e, void *arg), void *arg)
{
	struct kern_entry e = an_entry(NFIPSEC_ACTION_PROTECT);

	(void)k;
	each(&e, arg);
	return answer();
}

int kern_tunnel_dump(struct kern *k, void (*each)(const struct kern_tunnel *t, void *arg), void *arg)
{
	struct kern_tunnel t = { .mtu = 1400 };

	(void)k;
	snprintf(t.name, sizeof(t.name), "%s/%s", evil, evil);
	snprintf(t.vrf, sizeof(t.vrf), "%s", evil);
	each(&t, arg);
	return answer();
}

static void an_sa(struct kern_sa *sa)
{
	*sa = (struct kern_sa){ .proto = IPPROTO_ESP, .spi = 0x1000, .dir = NFIPSEC_DIR_OUT,
				.encr = NFIPSEC_ENCR_AES_GCM_16, .n_sels = 1 };
	snprintf(sa->tunnel, sizeof(sa->tunnel), "%s/%s", evil, evil);
}

int kern_sa_dump(struct kern *k, void (*each)(const struct kern_sa *sa, void *arg), void *arg)
{
	struct kern_sa sa;

	(void)k;
	an_sa(&sa);
	each(&sa, arg);
	return answer();
}

int kern_stats(struct kern *k, void (*each)(const struct kern_stat *s, void *arg), void *arg)
{
	struct kern_stat s = { "in-packets", 1 };

	(void)k;
	each(&s, arg);
	return answer();
}

int kern_explain(struct kern *k, const struct kern_flow *flow, struct kern_entry *entry,
		 bool *found_entry, struct kern_sa *sa, bool *found_sa)
{
	(void)k;
	(void)sa;
	*entry = an_entry(flow->dport == 1 ? NFIPSEC_ACTION_DISCARD : NFIPSEC_ACTION_PROTECT);
	*found_entry = true;
	*found_sa = flow->dport == 2;
	if (*found_sa)
		an_sa(sa);
	return answer();
}

#define SA_OP(name, ...) \
	int name(struct kern *k, ##__VA_ARGS__) \
	{ \
		(void)k; \
		return answer(); \
	}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
SA_OP(kern_sa_add, const struct kern_sa *sa)
SA_OP(kern_sa_del, const struct kern_sa *sa)
SA_OP(kern_sa_move, const struct kern_sa *sa, const struct kern_ends *to)
SA_OP(kern_sa_dummy, const struct kern_sa *sa, uint32_t packets, uint32_t bytes)
SA_OP(kern_sa_flush, const char *tunnel)
#pragma GCC diagnostic pop

/* a chain with a rule whose expressions nobody can judge */
int nft_rules_load(struct nft_rules *rules)
{
	*rules = (struct nft_rules){ .n_chains = 1, .n_rules = 1 };
	rules->chains = calloc(1, sizeof(*rules->chains));
	rules->rules = calloc(1, sizeof(*rules->rules));
	assert_non_null(rules->chains);
	assert_non_null(rules->rules);
	rules->chains->family = rules->rules->family = 2;
	snprintf(rules->chains->table, NFT_NAME, "%s", evil);
	snprintf(rules->chains->name, NFT_NAME, "%s", evil);
	snprintf(rules->rules->table, NFT_NAME, "%s", evil);
	snprintf(rules->rules->chain, NFT_NAME, "%s", evil);
	rules->rules->len = 1;
	rules->rules->expressions = calloc(1, rules->rules->len);
	assert_non_null(rules->rules->expressions);
	return 0;
}

int route_get(const struct route_query *q, struct route_answer *a)
{
	(void)q;
	*a = (struct route_answer){ .type = 1, .oif_up = true };
	snprintf(a->oif, sizeof(a->oif), "%s", evil);
	return 0;
}

/* ---- the daemon, of which only the octets on its socket are known ---- */

/* JSON takes no octet that is not UTF-8, but every character as an escape */
static json_t *evil_json(void)
{
	const char *s = !strcmp(evil, HARMLESS) ? HARMLESS : "x\n<3>e\033[2J\r\177\xc2\x9b\xe2\x80\xae";

	return json_string(s);
}

static void set(json_t *o, const char *keys)
{
	char copy[300], *key, *rest = copy;

	snprintf(copy, sizeof(copy), "%s", keys);
	while ((key = strsep(&rest, " ")))
		json_object_set_new(o, key, evil_json());
}

static json_t *failure(void)
{
	json_t *difference = json_object(), *message = json_object(), *o;

	set(difference, "what theirs ours");
	set(message, "exchange payloads");
	o = json_pack("{s:[o], s:[o], s:i, s:i}", "differences", difference, "messages", message, "age", 1,
		      "count", 2);
	set(o, "peer tunnel text step local remote");
	return o;
}

static json_t *peers(void)
{
	json_t *sa = json_pack("{s:b, s:{s:o, s:i}, s:o, s:i}", "weak", 1, "remote_cert", "subject",
			       evil_json(), "not_after", 1, "local_key", evil_json(), "rekey_in", 1);
	json_t *child = json_pack("{s:[{s:o, s:o}]}", "selectors", "local", evil_json(), "remote",
				  evil_json());
	json_t *tun = json_pack("{s:[o], s:i}", "children", child, "orphans", 2);
	json_t *peer = json_pack("{s:[o], s:[o]}", "ike_sas", sa, "tunnels", tun);

	set(sa, "spi_i spi_r state local local_id remote remote_id ike nat local_auth remote_auth renewal");
	set(child, "spi_in spi_out state esp");
	set(tun, "name state start access_list reason why");
	json_object_set_new(tun, "no_sa", json_pack("[o]", evil_json()));
	set(peer, "name state local remote lacks");
	json_object_set_new(peer, "last_error", json_pack("{s:o, s:i}", "text", evil_json(), "age", 1));
	return json_pack("{s:[o], s:o, s:[o]}", "peers", peer, "refused", evil_json(), "failures",
			 failure());
}

static void say(int fd, json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(write(fd, "\n", 1), 1);
	free(text);
	json_decref(line);
}

static void serve(int fd)
{
	static const char *const names[] = { "ike-up", "error", "verify" };
	json_t *event, *end = json_pack("{s:b}", "ok", !refuses);
	char request[1000];
	unsigned int i;

	if (read(fd, request, sizeof(request)) <= 0)
		goto out;
	for (i = 0; i < 3; i++) {
		event = json_pack("{s:s, s:f, s:{s:o, s:b}}", "event", names[i], "time", 1.0, "data",
				  "step", evil_json(), "ok", 1);
		set(event, "peer tunnel text");
		say(fd, event);
	}
	if (refuses)
		set(end, "error");
	else
		json_object_set_new(end, "data", peers());
	set(end, "warning");
	say(fd, json_incref(end));
out:
	json_decref(end);
	close(fd);
}

static pid_t daemon_start(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;

	unlink(path);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	assert_false(bind(fd, (struct sockaddr *)&un, sizeof(un)));
	assert_false(listen(fd, 9));
	fflush(NULL);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/*
		 * a client that only tries whether somebody listens has gone before it is answered
		 */
		signal(SIGPIPE, SIG_IGN);
		for (;;)
			serve(accept(fd, NULL, NULL));
	}
	close(fd);
	return pid;
}

/* ---- the commands ---- */

static char dir[] = "/tmp/cli_output_test.XXXXXX";

/* the lines that a command prints */
static unsigned int run(const char *words)
{
	char copy[300], out[20000], clean[20000], *argv[20], *rest = copy;
	int saved[2] = { dup(1), dup(2) }, argc = 1, i;
	FILE *f = tmpfile();
	unsigned int lines = 0;
	size_t n;

	snprintf(copy, sizeof(copy), "%s", words);
	argv[0] = (char *)"nfipsec";
	while ((argv[argc] = strsep(&rest, " ")))
		argc++;
	/* a file whose name is hostile, too */
	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "EVIL"))
			argv[i] = (char *)evil;
	fflush(NULL);
	dup2(fileno(f), 1);
	dup2(fileno(f), 2);
	nfipsec_main(argc, argv);
	fflush(NULL);
	for (i = 0; i < 2; i++) {
		dup2(saved[i], i + 1);
		close(saved[i]);
	}
	rewind(f);
	n = fread(out, 1, sizeof(out) - 1, f);
	fclose(f);
	assert_true(n < sizeof(out) - 1);
	for (i = 0; i < (int)n; i++)
		if (out[i] == '\n') {
			lines++;
			out[i] = ' ';
		}
	out[n] = 0;
	printable_copy(out, n, clean, sizeof(clean));
	if (strcmp(out, clean))
		print_error("nfipsec %s: %s\n", words, clean);
	assert_string_equal(out, clean);
	/* as the library that other programs read JSON with would see it */
	assert_null(strstr(out, "\\u00"));
	assert_null(strcasestr(out, "\\u202e"));
	return lines;
}

/* a daemon that says @what, and obeys or refuses */
struct daemon_run {
	char path[100];
	pid_t pid;
};

static void start(struct daemon_run *d, const char *what, bool refuse)
{
	evil = what;
	refuses = refuse;
	snprintf(d->path, sizeof(d->path), "%s/sock%d%d", dir, refuse, what[1] != 0);
	d->pid = daemon_start(d->path);
}

static void stop(const struct daemon_run *d)
{
	kill(d->pid, SIGKILL);
	waitpid(d->pid, NULL, 0);
	unlink(d->path);
}

static unsigned int run_with(const struct daemon_run *d, const char *what, const char *words,
			     unsigned int how)
{
	char all[400];

	evil = what;
	no_policy_there = how & 4;
	refuses = how & 2;
	snprintf(all, sizeof(all), "--socket %s %s%s", d->path, how & 1 ? "--json " : "", words);
	return run(all);
}

static void commands_print(void **state)
{
	static const char *const words[] = {
		"EVIL", "check EVIL", "check bad.conf", "check evil.conf", "load EVIL", "load good.conf",
		"load --no-daemon EVIL", "load --no-daemon good.conf", "unload", "up p", "up p/t", "up EVIL",
		"up p --verify", "up p --verify --probe EVIL", "down p", "show peers", "show EVIL",
		"show peers --detail", "show peers p", "show peers p/t", "show peers EVIL",
		"show failures", "metrics", "show sas", "show policy", "show tunnels", "show stats", "watch",
		"explain udp 192.0.2.1 192.0.2.2:1", "explain udp 192.0.2.1 192.0.2.2:2",
		"explain udp 192.0.2.1 192.0.2.2:3", "explain in udp 192.0.2.1 192.0.2.2:3",
		"explain EVIL 192.0.2.1 192.0.2.2", "explain udp EVIL 192.0.2.2", "sa flush EVIL",
		"sa EVIL", "sa add EVIL", "sa batch EVIL",
	};
	struct daemon_run harmless[2], hostile[2];
	unsigned int i, k, good, bad;

	(void)state;
	for (i = 0; i < 2; i++) {
		start(&harmless[i], HARMLESS, i);
		start(&hostile[i], HOSTILE, i);
	}
	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		for (k = 0; k < 8; k++) {
			good = run_with(&harmless[k >> 1 & 1], HARMLESS, words[i], k);
			bad = run_with(&hostile[k >> 1 & 1], HOSTILE, words[i], k);
			if (bad > good)
				print_error("nfipsec %s (%u)\n", words[i], k);
			/* fewer: a name that is no UTF-8 is refused at once */
			assert_in_range(bad, 0, good);
		}
	for (i = 0; i < 2; i++) {
		stop(&harmless[i]);
		stop(&hostile[i]);
	}
}

static void put_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	put_file("good.conf", "access-list l {\n10 discard ip from any to 192.0.2.1\n}\n");
	put_file("bad.conf", "access-list l {\n10 " HOSTILE " ip from any to any\n}\n");
	put_file("evil.conf", "access-list \"\033[2J\xe2\x80\xae\" {\n"
		 "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n"
		 "20 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n}\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink("good.conf");
	unlink("bad.conf");
	unlink("evil.conf");
	return chdir("/") || rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(commands_print) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
