// SPDX-License-Identifier: GPL-2.0
/*
 * An IKE SA whose life nears its end gets a successor: by rekeying (ike_rekey.c),
 * or by one for which both ends authenticate again. The latter gets new CHILD SAs,
 * and when all are up the old IKE SA is deleted with its own: RFC 7296 2.8.3.
 * Traffic always has an SA.
 */
#include "v2/v2.h"

static bool tunnel_has_child(const struct ike_sa *sa, const struct ike_tunnel *tun)
{
	const struct ike_child *c;

	for (c = sa->children; c; c = c->next)
		if (c->tun == tun && c->state == IKE_CHILD_UP && !c->replaced)
			return true;
	return false;
}

void v2_reauthenticate(struct ike_sa *sa)
{
	struct ike_peer *peer = sa->peer;
	struct ike_sa *successor = NULL;
	struct ike_tunnel *tun;

	if (sa->replacing)
		return;
	for (tun = peer->tunnels; tun && !sa->dead; tun = tun->next) {
		/* one that is being negotiated on this SA comes after it on the next */
		if (!tunnel_has_child(sa, tun) || tun->sa)
			continue;
		sa->replacing = true;
		if (successor) {
			if (ike_tunnel_ask(successor, tun, NULL))
				tun->sa = successor;
			continue;
		}
		v2_initiate(peer, tun, NULL, ike_sa_own_spi(sa));
		successor = tun->sa;
		if (!successor)
			break;
	}
	if (!successor)
		sa->replacing = false;
}

static void rekey(struct ike_sa *sa)
{
	if (!sa->rekey_out && !sa->rekey_in && !ike_task_queued(sa, IKE_TASK_REKEY, 0) &&
	    ike_task_add(sa, IKE_TASK_REKEY, NULL, 0, NULL))
		v2_run(sa);
}

void v2_renew(struct ike_sa *sa)
{
	ike_sa_get(sa);
	/* without CHILD SAs nobody needs a successor */
	if (!ike_sa_children_up(sa) && !sa->tasks && !sa->retrans.waiting && !sa->busy_out &&
	    !v2_is_answering(sa))
		ike_sa_delete(sa, "lifetime");
	else if (sa->rekey_refused || (sa->reauth_at && sa->ike->now >= sa->reauth_at))
		v2_reauthenticate(sa);
	else
		rekey(sa);
	ike_sa_put(sa);
}
