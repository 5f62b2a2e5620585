// SPDX-License-Identifier: GPL-2.0
/* nfipsecd: the IKE daemon, in the foreground as systemd wants it. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/event.h"
#include "core/log.h"
#include "core/printable.h"
#include "core/reason.h"
#include "core/trusted.h"
#include "core/version.h"
#include "crypto/crypto.h"
#include "daemon/ctl.h"
#include "daemon/daemon.h"
#include "pki/token.h"
#include "sys/launch.h"
#include "sys/priv.h"
#include "sys/signer.h"

#define CONFIG_DEFAULT	"/etc/nfipsec/nfipsec.conf"
#define EXIT_NO_POLICY	78	/* sysexits.h: EX_CONFIG, which systemd calls CONFIG */

struct options {
	char *config;		/* absolute; NULL: none */
	const char *given;	/* the name of @config on the command line, with its links */
	const char *socket;
	bool debug;
};

struct running {
	struct event_loop *loop;
	struct daemon *daemon;
	struct launch *launch;
	bool ready;		/* and systemd was told */
};

static void usage(FILE *to)
{
	fprintf(to,
		"usage: nfipsecd [--config FILE | --no-config] [--socket PATH] [--debug]\n"
		"\n"
		"  --config FILE  instead of " CONFIG_DEFAULT "; the secrets are beside it\n"
		"  --no-config    start with none, `nfipsec load` gives one\n"
		"  --socket PATH  of the control socket, instead of " CTL_SOCKET "\n"
		"  --debug        also say each message sent and received\n"
		"  --version, --help\n");
}

/* 0: go on; otherwise the exit status plus one */
static int options_parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "no-config", no_argument, NULL, 'n' },
		{ "socket", required_argument, NULL, 's' },
		{ "debug", no_argument, NULL, 'd' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *config = CONFIG_DEFAULT;
	int opt;

	*o = (struct options){ .socket = CTL_SOCKET };
	while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (opt) {
		case 'c':
			config = optarg;
			break;
		case 'n':
			config = NULL;
			break;
		case 's':
			o->socket = optarg;
			break;
		case 'd':
			o->debug = true;
			break;
		case 'V':
			puts("nfipsecd " NFIPSEC_VERSION);
			return 1;
		case 'h':
			usage(stdout);
			return 1;
		default:
			usage(stderr);
			return 3;
		}
	}
	if (optind < argc) {
		printable_print(stderr, "nfipsecd: unexpected argument %s\n", argv[optind]);
		usage(stderr);
		return 3;
	}
	if (config) {
		/* a later reload finds it wherever it is started from; a missing one is said later */
		o->given = config;
		o->config = realpath(config, NULL);
		if (!o->config)
			o->config = strdup(config);
	}
	return 0;
}

/* sd_notify(3), which is one datagram */
static void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	char clean[1300];
	int fd;

	if (!len || len >= sizeof(un.sun_path))
		return;
	memcpy(un.sun_path, path, len);
	if (un.sun_path[0] == '@')
		un.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* a newline in a reason would begin another assignment, MAINPID= say */
	printable_copy(state, strlen(state), clean, sizeof(clean));
	if (sendto(fd, clean, strlen(clean), MSG_NOSIGNAL, (struct sockaddr *)&un,
		   offsetof(struct sockaddr_un, sun_path) + len) < 0)
		log_debug("NOTIFY_SOCKET: %s", strerror(errno));
	close(fd);
}

static void on_terminate(void *arg)
{
	struct running *r = arg;

	notify("STOPPING=1");
	log_info("stopping: SAs are deleted, the policy stays in the module");
	event_loop_stop(r->loop);
}

static void on_reload(void *arg)
{
	struct running *r = arg;
	char err[1024];

	if (!daemon_load(r->daemon, NULL, err, sizeof(err)))
		log_error("%s; what was in force stays in force", err);
}

/* once, when there is a policy: what starts after us may rely on it */
static void say_ready(struct running *r)
{
	if (r->ready)
		return;
	r->ready = true;
	notify("READY=1");
	log_info("nfipsecd " NFIPSEC_VERSION " is ready");
}

static void on_load(void *arg)
{
	say_ready(arg);
	notify("STATUS=The configuration is in force");
}

/* the first load was refused, or is still to come, and the module has a policy */
static void with_old_policy(struct running *r, const char *err)
{
	char status[1200];

	snprintf(status, sizeof(status), "STATUS=The policy of an earlier load is in force: %s", err);
	notify(status);
	log_error("%s; the policy of an earlier load stays in force, without peers", err);
	say_ready(r);
}

static void without_policy(const char *err)
{
	char status[1200];

	snprintf(status, sizeof(status), "STATUS=No policy is in force: %s", err);
	notify(status);
	log_error("no policy is in force: %s", err);
}

/* Another user could turn a symbolic link of the name to another file. @o->config has none. */
static bool load_given(struct running *r, const struct options *o, char *err, size_t err_len)
{
	if (!access(o->config, F_OK) && !trusted_file(o->given, err, err_len)) {
		reason_set(err);
		return false;
	}
	return daemon_load(r->daemon, o->config, err, err_len);
}

/* 0, or the exit status: what nobody protects is the administrator's to see */
static int first_load(struct running *r, const struct options *o)
{
	char err[1024] = "waiting for nfipsec load";

	if (o->config && load_given(r, o, err, sizeof(err)))
		return 0;
	if (daemon_has_policy(r->daemon)) {
		with_old_policy(r, err);
		return 0;
	}
	without_policy(err);
	return o->config ? EXIT_NO_POLICY : 0;
}

static int run(struct running *r, const struct options *o)
{
	struct event_signal *sigs[3];
	char err[512];
	unsigned int i;
	int ret;

	reason_dir_make();
	r->daemon = daemon_open(r->loop, o->socket, err, sizeof(err));
	if (r->daemon)
		daemon_set_launch(r->daemon, r->launch);
	if (!r->daemon || !priv_drop(err, sizeof(err)) ||
	    !daemon_start(r->daemon, err, sizeof(err))) {
		log_error("%s", err);
		daemon_close(r->daemon);
		return 1;
	}
	sigs[0] = event_signal_new(r->loop, SIGTERM, on_terminate, r);
	sigs[1] = event_signal_new(r->loop, SIGINT, on_terminate, r);
	sigs[2] = event_signal_new(r->loop, SIGHUP, on_reload, r);
	daemon_on_load(r->daemon, on_load, r);
	if (o->config)
		daemon_set_path(r->daemon, o->config);
	ret = first_load(r, o);
	if (!ret) {
		event_loop_run(r->loop);
		daemon_shutdown(r->daemon);
	}
	daemon_close(r->daemon);
	for (i = 0; i < 3; i++)
		event_signal_free(sigs[i]);
	return ret;
}

int main(int argc, char **argv)
{
	static const struct launch_limits limits = {
		.running = LAUNCH_RUNNING_MAX, .waiting = LAUNCH_WAITING_MAX, .ms = LAUNCH_MS,
		.stop_ms = LAUNCH_STOP_MS,
	};
	struct running r = { 0 };
	struct signer *signer;
	struct options o;
	char err[256];
	int ret = options_parse(argc, argv, &o);

	if (ret)
		return ret - 1;
	if (o.debug)
		log_set_level(LOG_LEVEL_DEBUG);
	setvbuf(stderr, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	priv_protect_memory();
	/* the first thing: it must not have a secret, a thread, or a descriptor of this process */
	r.launch = launch_start(&limits, err, sizeof(err));
	if (!r.launch)
		log_error("%s; no updown command is run", err);
	signer = signer_start(TOKEN_MS, err, sizeof(err));
	if (signer)
		token_use(signer_fd(signer));
	else
		log_error("%s; no key on a token is used", err);
	if (!crypto_init()) {
		log_error("the crypto library failed its self-test");
		signer_stop(signer);
		launch_stop(r.launch, daemon_launch_report, NULL);
		free(o.config);
		return 1;
	}
	r.loop = event_loop_new();
	if (r.loop) {
		ret = run(&r, &o);
		event_loop_free(r.loop);
	} else {
		log_error("no event loop: %s", strerror(errno));
		ret = 1;
	}
	crypto_exit();
	signer_stop(signer);
	/* the commands that the end of the SAs started */
	launch_stop(r.launch, daemon_launch_report, NULL);
	free(o.config);
	return ret;
}
