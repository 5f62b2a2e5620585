// SPDX-License-Identifier: GPL-2.0
/* Diffie-Hellman on another thread; the SA may be dead when it comes back. */
#include <stdlib.h>

#include "ike/core.h"

/**
 * ike_job_submit - start a job for an IKE SA
 * @sa: the SA; the job holds a reference
 * @job: the job, whose done() calls ike_job_over()
 *
 * The job of an SA whose initiator is not authenticated is a stranger's: it occupies the half-open place
 * of that SA until it is over, and all other jobs come before it.
 */
void ike_job_submit(struct ike_sa *sa, struct ike_job *job)
{
	job->stranger = sa->half_open;
	if (job->stranger) {
		sa->stranger_jobs++;
		sa->ike->n_unauthenticated_jobs++;
	}
	sa->ike->ops->job(job, sa->ike->user);
}

/**
 * ike_job_over - a job has come back
 * @sa: its SA, perhaps dead
 * @job: the job
 */
void ike_job_over(struct ike_sa *sa, const struct ike_job *job)
{
	if (!job->stranger || !sa->half_open)
		return;
	sa->stranger_jobs--;
	sa->ike->n_unauthenticated_jobs--;
	if (sa->dead && !sa->stranger_jobs)
		ike_half_open_end(sa);
}

/* on any thread; touches only the job */
static void run(void *arg)
{
	struct ike_job_dh *j = arg;

	if (!j->dh)
		j->dh = crypto_dh_new(j->group);
	j->ok = j->dh && (!j->peer_public.len ||
			  crypto_dh_shared(j->dh, buf_bytes(&j->peer_public), &j->shared));
}

static void done(void *arg)
{
	struct ike_job_dh *j = arg;
	struct ike_sa *sa = j->sa;

	ike_job_over(sa, &j->job);
	if (!sa->dead)
		j->done(sa, j);
	crypto_dh_free(j->dh);
	buf_free(&j->peer_public);
	buf_free(&j->shared);
	free(j);
	ike_sa_put(sa);
}

/**
 * ike_job_dh - compute a key pair, a shared secret, or both
 * @sa: for this SA, which is kept until then
 * @group: of the key pair
 * @dh: one made before, taken; NULL: make one
 * @peer_public: of the shared secret; empty: none is wanted
 * @done_fn: called with the outcome unless the SA died meanwhile; may take job->dh
 * @spi: handed to @done_fn, says which CHILD SA it is for
 *
 * Return: false when out of memory; @dh is freed then.
 */
bool ike_job_dh(struct ike_sa *sa, uint16_t group, struct crypto_dh *dh, struct bytes peer_public,
		ike_job_done_t done_fn, uint32_t spi)
{
	struct ike_job_dh *j = calloc(1, sizeof(*j));

	if (!j) {
		crypto_dh_free(dh);
		return false;
	}
	j->job = (struct ike_job){ .run = run, .done = done, .arg = j };
	j->group = group;
	j->dh = dh;
	j->done = done_fn;
	j->spi = spi;
	buf_init(&j->peer_public);
	buf_init(&j->shared);
	if (peer_public.len && !buf_copy(&j->peer_public, peer_public)) {
		crypto_dh_free(dh);
		free(j);
		return false;
	}
	j->sa = ike_sa_get(sa);
	ike_job_submit(sa, &j->job);
	return true;
}

/**
 * ike_kex_clear - frees the key pair of a key exchange
 * @kex: the key exchange; may have no key pair
 */
void ike_kex_clear(struct ike_kex *kex)
{
	crypto_dh_free(kex->dh);
	kex->dh = NULL;
}
