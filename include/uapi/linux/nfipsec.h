/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * nfipsec: generic netlink interface.
 *
 * Described for tools by Documentation/netlink/specs/nfipsec.yaml; the two
 * change together. Multi-byte protocol fields (SPI, ports, addresses) are in
 * network order, all else in host order. Algorithms are named by their IANA
 * "IKEv2 Transform Type Values" number, so that what was negotiated is what
 * is installed.
 */
#ifndef _UAPI_LINUX_NFIPSEC_H
#define _UAPI_LINUX_NFIPSEC_H

#define NFIPSEC_GENL_NAME	"nfipsec"
#define NFIPSEC_GENL_VERSION	1
#define NFIPSEC_MCGRP_EVENTS	"events"
#define NFIPSEC_DEV_NAME	"nfipsec0"

#define NFIPSEC_NAME_MAX	63	/* tunnel name "peer/tunnel", without the NUL */
#define NFIPSEC_KEY_MAX		128	/* octets of any one key, salt included */
#define NFIPSEC_SEL_MAX		64	/* selector pairs of one SA */
#define NFIPSEC_STANDBYS_MAX	7	/* entries that take over from one */
#define NFIPSEC_WINDOW_MIN	32	/* replay window, packets */
#define NFIPSEC_WINDOW_MAX	4096

enum nfipsec_cmd {
	NFIPSEC_CMD_UNSPEC,
	NFIPSEC_CMD_SA_ADD,		/* SA */
	NFIPSEC_CMD_SA_DEL,		/* SA: PROTO, SPI, DIR, REMOTE (out) or LOCAL (in) */
	NFIPSEC_CMD_SA_GET,		/* do: as SA_DEL; dump: all of the netns */
	NFIPSEC_CMD_SA_FLUSH,		/* all, or of one tunnel (SA: TUNNEL) */
	NFIPSEC_CMD_POLICY_SET,		/* TUNNEL*, ENTRY*: replaces the whole policy at once */
	NFIPSEC_CMD_POLICY_GET,		/* dump: one ENTRY a message, in order */
	NFIPSEC_CMD_TUNNEL_GET,		/* dump: one TUNNEL a message */
	NFIPSEC_CMD_STATS_GET,		/* do: STATS */
	NFIPSEC_CMD_EXPLAIN,		/* do: FLOW -> ENTRY, SA if any */
	NFIPSEC_CMD_ACQUIRE,		/* event: FLOW */
	NFIPSEC_CMD_SA_EXPIRE,		/* event: SA, EXPIRE_HARD flag in SA when dead */
	NFIPSEC_CMD_SA_MOVE,		/* SA as SA_DEL, ENDS: where its ends are from now on */
	NFIPSEC_CMD_SA_MAPPING,		/* event: SA (in), ENDS: how its newest packet came */
	NFIPSEC_CMD_DUMMY_SEND,		/* SA (out) as SA_DEL, DUMMY: RFC 4303 2.6 */
	NFIPSEC_CMD_IKE_SOCKETS,	/* IKE_FD*: the daemon's sockets, until this one closes */
	NFIPSEC_CMD_SPI_AWAIT,		/* SA (in) as SA_DEL: queue its packets until SA_ADD */
	NFIPSEC_CMD_SPI_FORGET,		/* SA (in) as SA_DEL: cancels SPI_AWAIT */
	__NFIPSEC_CMD_MAX
};
#define NFIPSEC_CMD_MAX (__NFIPSEC_CMD_MAX - 1)

/* top level */
enum nfipsec_attr {
	NFIPSEC_A_UNSPEC,
	NFIPSEC_A_SA,			/* nest nfipsec_sa_attr */
	NFIPSEC_A_TUNNEL,		/* nest nfipsec_tunnel_attr, may repeat */
	NFIPSEC_A_ENTRY,		/* nest nfipsec_entry_attr, may repeat */
	NFIPSEC_A_STATS,		/* nest: u64 for each nfipsec_stat */
	NFIPSEC_A_FLOW,			/* nest nfipsec_flow_attr */
	NFIPSEC_A_PAD,
	NFIPSEC_A_ENDS,			/* nest nfipsec_ends_attr */
	NFIPSEC_A_DUMMY,		/* nest nfipsec_dummy_attr */
	NFIPSEC_A_IKE_FD,		/* u32: the sender's file descriptor, may repeat */
	__NFIPSEC_A_MAX
};
#define NFIPSEC_A_MAX (__NFIPSEC_A_MAX - 1)

enum nfipsec_dir {
	NFIPSEC_DIR_IN = 1,
	NFIPSEC_DIR_OUT,
};

enum nfipsec_mode {
	NFIPSEC_MODE_TUNNEL = 1,
	NFIPSEC_MODE_TRANSPORT,
};

/* IANA IKEv2 transform type 1 (encryption); none with AH */
enum nfipsec_encr {
	NFIPSEC_ENCR_DES_CBC		= 2,
	NFIPSEC_ENCR_3DES_CBC		= 3,
	NFIPSEC_ENCR_NULL		= 11,
	NFIPSEC_ENCR_AES_CBC		= 12,
	NFIPSEC_ENCR_AES_CTR		= 13,
	NFIPSEC_ENCR_AES_CCM_8		= 14,
	NFIPSEC_ENCR_AES_CCM_12		= 15,
	NFIPSEC_ENCR_AES_CCM_16		= 16,
	NFIPSEC_ENCR_AES_GCM_8		= 18,
	NFIPSEC_ENCR_AES_GCM_12		= 19,
	NFIPSEC_ENCR_AES_GCM_16		= 20,
	NFIPSEC_ENCR_NULL_AUTH_AES_GMAC	= 21,
	NFIPSEC_ENCR_CAMELLIA_CBC	= 23,
	NFIPSEC_ENCR_CHACHA20_POLY1305	= 28,
	/* the sequence number is the IV, and not sent twice: RFC 8750 */
	NFIPSEC_ENCR_AES_CCM_16_IIV	= 29,
	NFIPSEC_ENCR_AES_GCM_16_IIV	= 30,
	NFIPSEC_ENCR_CHACHA20_POLY1305_IIV = 31,
};

/* IANA IKEv2 transform type 3 (integrity); 0 with an AEAD */
enum nfipsec_integ {
	NFIPSEC_INTEG_NONE		= 0,
	NFIPSEC_INTEG_HMAC_MD5_96	= 1,
	NFIPSEC_INTEG_HMAC_SHA1_96	= 2,
	NFIPSEC_INTEG_AES_XCBC_96	= 5,
	NFIPSEC_INTEG_AES_CMAC_96	= 8,
	NFIPSEC_INTEG_HMAC_SHA2_256_128	= 12,
	NFIPSEC_INTEG_HMAC_SHA2_384_192	= 13,
	NFIPSEC_INTEG_HMAC_SHA2_512_256	= 14,
};

enum nfipsec_sa_attr {
	NFIPSEC_A_SA_UNSPEC,
	NFIPSEC_A_SA_PROTO,		/* u8: 50 (ESP), 51 (AH) */
	NFIPSEC_A_SA_SPI,		/* be32, above 255 (RFC 4303 2.1, RFC 4302 2.4) */
	NFIPSEC_A_SA_DIR,		/* u8 nfipsec_dir */
	NFIPSEC_A_SA_MODE,		/* u8 nfipsec_mode */
	NFIPSEC_A_SA_TUNNEL,		/* string: name of a tunnel of the policy */
	NFIPSEC_A_SA_LOCAL,		/* outer address, 4 or 16 octets; both of a family */
	NFIPSEC_A_SA_REMOTE,
	NFIPSEC_A_SA_ENCR,		/* u16 nfipsec_encr; ESP only */
	NFIPSEC_A_SA_ENCR_KEY,		/* key, then the salt where the algorithm has one */
	NFIPSEC_A_SA_INTEG,		/* u16 nfipsec_integ */
	NFIPSEC_A_SA_INTEG_KEY,
	NFIPSEC_A_SA_ESN,		/* flag */
	NFIPSEC_A_SA_REPLAY_WINDOW,	/* u32 packets, default 1024; in */
	NFIPSEC_A_SA_SELECTOR,		/* nest nfipsec_sel_attr, may repeat; for DIR */
	NFIPSEC_A_SA_SOFT_SECONDS,	/* u64; 0 or absent: no limit (all six) */
	NFIPSEC_A_SA_HARD_SECONDS,
	NFIPSEC_A_SA_SOFT_BYTES,
	NFIPSEC_A_SA_HARD_BYTES,
	NFIPSEC_A_SA_SOFT_PACKETS,
	NFIPSEC_A_SA_HARD_PACKETS,
	/* u64: last sent, or highest authenticated; an SA that is handed over continues from it */
	NFIPSEC_A_SA_SEQ,
	/* reported, not set */
	NFIPSEC_A_SA_BYTES,		/* u64 of inner packets */
	NFIPSEC_A_SA_PACKETS,		/* u64 */
	NFIPSEC_A_SA_REPLAYED,		/* u64: replayed or left of the window */
	NFIPSEC_A_SA_INVALID,		/* u64: ICV or padding wrong */
	NFIPSEC_A_SA_AGE,		/* u64 seconds since add */
	NFIPSEC_A_SA_IDLE,		/* u64 seconds since last packet; 0 packets: age */
	NFIPSEC_A_SA_EXPIRE_HARD,	/* flag, in SA_EXPIRE */
	NFIPSEC_A_SA_ENCAP_LOCAL_PORT,	/* be16, UDP encapsulation (RFC 3948) */
	NFIPSEC_A_SA_ENCAP_REMOTE_PORT,
	NFIPSEC_A_SA_PAD,
	/* addresses with which the peer makes checksums in transport mode (RFC 3948 3.1.2); in */
	NFIPSEC_A_SA_ORIG_LOCAL,	/* 4 or 16 octets; both or none, with UDP encapsulation */
	NFIPSEC_A_SA_ORIG_REMOTE,
	__NFIPSEC_A_SA_MAX
};
#define NFIPSEC_A_SA_MAX (__NFIPSEC_A_SA_MAX - 1)

/* an address range pair, protocol and ports: RFC 7296 3.13 */
enum nfipsec_sel_attr {
	NFIPSEC_A_SEL_UNSPEC,
	NFIPSEC_A_SEL_PROTO,		/* u8, 0 or absent: any */
	NFIPSEC_A_SEL_SADDR_MIN,	/* binary 4 or 16; all four of one family */
	NFIPSEC_A_SEL_SADDR_MAX,
	NFIPSEC_A_SEL_DADDR_MIN,
	NFIPSEC_A_SEL_DADDR_MAX,
	NFIPSEC_A_SEL_SPORT_MIN,	/* be16; absent: 0 */
	NFIPSEC_A_SEL_SPORT_MAX,	/* be16; absent: 65535 */
	NFIPSEC_A_SEL_DPORT_MIN,
	NFIPSEC_A_SEL_DPORT_MAX,
	__NFIPSEC_A_SEL_MAX
};
#define NFIPSEC_A_SEL_MAX (__NFIPSEC_A_SEL_MAX - 1)

/* where an SA's packets go, or came from */
enum nfipsec_ends_attr {
	NFIPSEC_A_ENDS_UNSPEC,
	NFIPSEC_A_ENDS_LOCAL,		/* binary 4 or 16, of the SA's family */
	NFIPSEC_A_ENDS_REMOTE,
	NFIPSEC_A_ENDS_LOCAL_PORT,	/* be16, with UDP encapsulation */
	NFIPSEC_A_ENDS_REMOTE_PORT,
	__NFIPSEC_A_ENDS_MAX
};
#define NFIPSEC_A_ENDS_MAX (__NFIPSEC_A_ENDS_MAX - 1)

/* packets that say nothing, so that an observer learns less */
enum nfipsec_dummy_attr {
	NFIPSEC_A_DUMMY_UNSPEC,
	NFIPSEC_A_DUMMY_PACKETS,	/* u32, 1 to 1000 */
	NFIPSEC_A_DUMMY_BYTES,		/* u32 of payload, at most the tunnel's MTU */
	__NFIPSEC_A_DUMMY_MAX
};
#define NFIPSEC_A_DUMMY_MAX (__NFIPSEC_A_DUMMY_MAX - 1)

/* the outer header's "don't fragment": RFC 4301 8.1 */
enum nfipsec_df {
	NFIPSEC_DF_COPY = 1,
	NFIPSEC_DF_SET,
	NFIPSEC_DF_CLEAR,
};

enum nfipsec_tunnel_attr {
	NFIPSEC_A_TUNNEL_UNSPEC,
	NFIPSEC_A_TUNNEL_NAME,		/* string "peer/tunnel" */
	NFIPSEC_A_TUNNEL_LOCAL,		/* outer address; absent: any (set by each SA) */
	NFIPSEC_A_TUNNEL_REMOTE,
	NFIPSEC_A_TUNNEL_MODE,		/* u8 nfipsec_mode */
	NFIPSEC_A_TUNNEL_MTU,		/* u32 of inner packets; absent: from the outer path */
	NFIPSEC_A_TUNNEL_DF,		/* u8 nfipsec_df of the outer header; absent: copied */
	NFIPSEC_A_TUNNEL_DSCP,		/* u8 of the outer header, 0 to 63; absent: copied */
	/* reported, not set */
	NFIPSEC_A_TUNNEL_QUEUED,	/* u32 packets held now */
	NFIPSEC_A_TUNNEL_QUEUE_DROPS,	/* u64 oldest packets dropped for want of room */
	NFIPSEC_A_TUNNEL_ACQUIRES,	/* u64 events sent */
	NFIPSEC_A_TUNNEL_PAD,
	/* set */
	NFIPSEC_A_TUNNEL_BUNDLE,	/* flag: ESP, and AH in transport mode around it */
	/* u32: size in octets, at most the MTU, to pad inner packets to; ESP in tunnel mode */
	NFIPSEC_A_TUNNEL_TFC,		/* (RFC 4303 2.7) */
	NFIPSEC_A_TUNNEL_MARK,		/* u32: fwmark of the outer packet and its route */
	NFIPSEC_A_TUNNEL_VRF,		/* string: device whose table routes the outer packet */
	__NFIPSEC_A_TUNNEL_MAX
};
#define NFIPSEC_A_TUNNEL_MAX (__NFIPSEC_A_TUNNEL_MAX - 1)

enum nfipsec_action {
	NFIPSEC_ACTION_BYPASS = 1,
	NFIPSEC_ACTION_PROTECT,
	NFIPSEC_ACTION_DISCARD,
};

/* entries match in the order sent; the first that matches decides */
enum nfipsec_entry_attr {
	NFIPSEC_A_ENTRY_UNSPEC,
	NFIPSEC_A_ENTRY_LIST,		/* string: name of the access list */
	NFIPSEC_A_ENTRY_NUMBER,		/* u32: its number in that list */
	NFIPSEC_A_ENTRY_ACTION,		/* u8 nfipsec_action */
	NFIPSEC_A_ENTRY_TUNNEL,		/* string; with PROTECT */
	NFIPSEC_A_ENTRY_SELECTOR,	/* nest nfipsec_sel_attr, as outbound packets look */
	/* reported, not set */
	NFIPSEC_A_ENTRY_OUT_PACKETS,	/* u64 */
	NFIPSEC_A_ENTRY_IN_PACKETS,	/* u64: clear-text packets the mirrored entry matched */
	NFIPSEC_A_ENTRY_PAD,
	/*
	 * set, flag: a protect entry with the selector of the one before it, in tunnel mode. Its
	 * tunnel takes the packets while no better one has an SA
	 */
	NFIPSEC_A_ENTRY_STANDBY,
	/* reported, flag: of an entry and its standbys, this one's tunnel takes the packets */
	NFIPSEC_A_ENTRY_ACTIVE,
	__NFIPSEC_A_ENTRY_MAX
};
#define NFIPSEC_A_ENTRY_MAX (__NFIPSEC_A_ENTRY_MAX - 1)

/* a packet: the one that asked for an SA, or the one to explain */
enum nfipsec_flow_attr {
	NFIPSEC_A_FLOW_UNSPEC,
	NFIPSEC_A_FLOW_DIR,		/* u8 nfipsec_dir */
	NFIPSEC_A_FLOW_PROTO,		/* u8 */
	NFIPSEC_A_FLOW_SADDR,		/* binary 4 or 16 */
	NFIPSEC_A_FLOW_DADDR,
	NFIPSEC_A_FLOW_SPORT,		/* be16 */
	NFIPSEC_A_FLOW_DPORT,
	NFIPSEC_A_FLOW_TUNNEL,		/* string, in ACQUIRE */
	NFIPSEC_A_FLOW_LIST,		/* string, in ACQUIRE: the entry that matched */
	NFIPSEC_A_FLOW_NUMBER,		/* u32, in ACQUIRE */
	__NFIPSEC_A_FLOW_MAX
};
#define NFIPSEC_A_FLOW_MAX (__NFIPSEC_A_FLOW_MAX - 1)

/*
 * Counters of a netns. Each packet that ends here is counted once by its
 * reason; names stay close to those of /proc/net/xfrm_stat.
 */
#define NFIPSEC_STATS(X)							\
	X(OUT_PACKETS,		"out_packets")	/* protected and sent */	\
	X(IN_PACKETS,		"in_packets")	/* opened and delivered */	\
	X(HELD,			"held")		/* queued for want of an SA */	\
	X(RELEASED,		"released")	/* sent from the queue */	\
	X(OUT_DISCARD,		"out_discard")	/* by a discard entry */	\
	X(OUT_NO_SA_OVERFLOW,	"out_no_sa_overflow")	/* oldest of a full queue */ \
	X(OUT_NO_SA_FLUSHED,	"out_no_sa_flushed")	/* queue of a tunnel that went */ \
	X(OUT_NO_SA_AGED,	"out_no_sa_aged")	/* held for 30 s */	\
	X(OUT_NO_ROUTE,		"out_no_route")	/* for the outer packet */	\
	X(OUT_SEQ_OVERFLOW,	"out_seq_overflow")	/* RFC 4303 3.3.3 */	\
	X(OUT_EXPIRED,		"out_expired")	/* hard limit reached */	\
	X(OUT_NO_MEMORY,	"out_no_memory")				\
	X(OUT_CRYPTO,		"out_crypto")	/* cipher returned an error */	\
	X(OUT_MALFORMED,	"out_malformed")	/* inner header not valid */ \
	X(OUT_LOOP,		"out_loop")	/* nested too deep */		\
	X(OUT_TOO_BIG,		"out_too_big")	/* above the path MTU with DF */ \
	X(OUT_FRAGMENT,		"out_fragment")	/* transport mode: RFC 4303 3.3.4 */ \
	X(IN_DISCARD,		"in_discard")	/* by a discard entry */	\
	X(IN_CLEARTEXT,		"in_cleartext")	/* must come protected, did not */ \
	X(IN_TOO_SHORT,		"in_too_short")	/* below header, IV, ICV, trailer */ \
	X(IN_NOT_ALIGNED,	"in_not_aligned")	/* RFC 4303 2.4 */	\
	X(IN_REPLAY,		"in_replay")	/* seen before */		\
	X(IN_REPLAY_LATE,	"in_replay_late")	/* left of the window */ \
	X(IN_BAD_ICV,		"in_bad_icv")					\
	X(IN_BAD_PADDING,	"in_bad_padding")				\
	X(IN_BAD_NEXT_HEADER,	"in_bad_next_header")				\
	X(IN_BAD_INNER,		"in_bad_inner")	/* inner header not valid */	\
	X(IN_DUMMY,		"in_dummy")	/* next header 59, RFC 4303 2.6 */ \
	X(IN_SELECTOR,		"in_selector")	/* RFC 4301 5.2 step 4 */	\
	X(IN_EXPIRED,		"in_expired")	/* hard limit reached */	\
	X(IN_NO_MEMORY,		"in_no_memory")					\
	X(IN_CRYPTO,		"in_crypto")	/* cipher failed, not the ICV */ \
	X(IN_NO_BUNDLE,		"in_no_bundle")	/* ESP or AH alone, against the tunnel */ \
	X(IN_BAD_HEADER,	"in_bad_header")	/* AH, or options forbid it */ \
	X(IN_UNKNOWN_SPI,	"in_unknown_spi")	/* left to others, not dropped */ \
	X(ACQUIRE_SENT,		"acquire_sent")					\
	X(ACQUIRE_LOST,		"acquire_lost")	/* nobody listens, or no room */ \
	X(OUT_REDIRECT,		"out_redirect")	/* of ICMP, that would lead around a tunnel */ \
	X(OUT_NO_SA_LIMIT,	"out_no_sa_limit")	/* namespace or sender hold too much */ \
	X(OUT_DEV_DOWN,		"out_dev_down")	/* nfipsec0 was set down */	\
	X(IN_DEV_DOWN,		"in_dev_down")	/* nfipsec0 was set down */	\
	X(OUT_NO_ENTRY,		"out_no_entry")	/* routed to nfipsec0, no entry protects it */ \
	X(OUT_ICMP_ERROR,	"out_icmp_error")	/* no SA takes what it quotes */ \
	X(IN_ICMP_ERROR,	"in_icmp_error")	/* quotes what is protected */ \
	X(OUT_LWTUNNEL,		"out_lwtunnel")	/* its route encapsulates it, so no tunnel can */ \
	X(IN_HELD,		"in_held")	/* queued unopened for an announced SPI */ \
	X(IN_HELD_OVERFLOW,	"in_held_overflow")	/* a queue of those was full */ \
	X(IN_HELD_AGED,		"in_held_aged")	/* no SA came in time */

enum nfipsec_stat {
	NFIPSEC_STAT_UNSPEC,
#define X(id, name) NFIPSEC_STAT_##id,
	NFIPSEC_STATS(X)
#undef X
	NFIPSEC_STAT_PAD,
	__NFIPSEC_STAT_MAX
};
#define NFIPSEC_STAT_MAX (__NFIPSEC_STAT_MAX - 1)

#endif /* _UAPI_LINUX_NFIPSEC_H */
