/* What the files of src/tcp/ offer each other and the stack.  The files follow RFC 9293's chapters; see
 * docs/architecture.md. */
#ifndef AK_TCP_TCP_H
#define AK_TCP_TCP_H

#include "tcp/tcb.h"
#include "wire/tcp.h"

/* ---- memory.c: who may hold how many buffer blocks */
uint64_t ak_memory_share_bytes(const struct ak_core *core); /* the most that one connection may queue or be promised */
bool ak_memory_may_send(const struct ak_core *core);        /* a block for what is sent */
bool ak_memory_may_hold(const struct ak_core *core);        /* a block for text out of order */
bool ak_memory_may_widen(const struct ak_core *core);       /* a window */
/* Whether a connection whose peer keeps its window shut must make room for others now. */
bool ak_memory_evicts(const struct ak_core *core, const struct ak_transfer *x);
/* Room for one range more out of order, and the transfer's place among those who hold such text.  Without memory there
 * is none. */
void ak_memory_ranges_begin(struct ak_core *core, struct ak_tcb *t);
void ak_memory_ranges_end(struct ak_core *core, struct ak_tcb *t);
/* Lets text out of order go, of those first who have held it longest, until windows may grow again. */
void ak_memory_relieve(struct ak_core *core);
/* The line of those who found no block or record: told WRITABLE, and looked at again, in their turn. */
void ak_memory_wait(struct ak_core *core, struct ak_tcb *t);
void ak_memory_leave(struct ak_core *core, struct ak_tcb *t);
bool ak_memory_waits(const struct ak_transfer *x);
bool ak_memory_can_feed(const struct ak_core *core);
void ak_memory_feed(struct ak_core *core);

/* ---- input.c: a segment arrives, RFC 9293 s3.10.7.  Finds what it belongs to and does what it says. */
void ak_tcp_segment(struct ak_core *core, struct ak_seg *seg);
void ak_tcp_segment_by_steps(struct ak_core *core, struct ak_seg *seg); /* without header prediction */

/* What a step of processing decides. */
enum ak_verdict {
    AK_NEXT,           /* go on with the next step */
    AK_DONE,           /* accepted, nothing more to do */
    AK_DROP,           /* dropped for in->drop */
    AK_DROP_ACK,       /* dropped, and an ACK says where we are */
    AK_DROP_CHALLENGE, /* the same, within the challenge budget */
    AK_DROP_RST,       /* dropped, and a reset by RFC 9293 s3.5.2 goes back */
    AK_GONE,           /* the control block is freed: do not touch it */
    AK_REDEMUX,        /* the connection gave way: look the segment up again */
};

/* A segment on its way through the steps. */
struct ak_input {
    struct ak_core *core;
    struct ak_tcb *t; /* NULL once gone */
    struct ak_seg *seg;
    aksu_drop drop;
    aksu_tcp_state state_before;
    bool fin_acked;
    bool refused; /* the segment's text and FIN, for a shut window */
};

/* tally.c: a segment has come, with so much text, and has gone.  What its time is spent on from now. */
void ak_tally_in(struct ak_core *core, const struct ak_tcb *t, const struct ak_seg *seg, uint32_t text_bytes);
void ak_tally_out(struct ak_core *core, const struct ak_tcb *t, uint32_t bytes, uint32_t mss);
void ak_tally_spends(const struct ak_core *core, struct ak_transfer *x, enum ak_spending spending);
void ak_tally_info(const struct ak_core *core, const struct ak_tcb *t, aksu_transfer_info *ret_info);

/* predict.c: the segment that is nearly always the next, without the steps.  False: nothing was done. */
bool ak_tcp_predicted(struct ak_core *core, struct ak_tcb *t, struct ak_seg *seg);
/* text.c: text from RCV.NXT on, in the window. */
void ak_tcp_text_in_order(struct ak_input *in, ak_seq left, ak_seq right);

/* ---- one file each: s3.10.7.1, .2, .3, s3.6.1 */
enum ak_verdict ak_tcp_input_closed(struct ak_core *core, struct ak_seg *seg);
enum ak_verdict ak_tcp_input_listen(struct ak_core *core, struct ak_seg *seg, ak_ref listener, aksu_drop *ret_drop);
enum ak_verdict ak_tcp_input_syn(struct ak_core *core, struct ak_seg *seg, ak_ref ref, aksu_drop *ret_drop);
enum ak_verdict ak_tcp_input_syn_sent(struct ak_input *in);
enum ak_verdict ak_tcp_input_time_wait(struct ak_core *core, struct ak_seg *seg, ak_ref ref, aksu_drop *ret_drop);
/* The steps of s3.10.7.4 for a connection that this very segment has completed; does and traces all that follows. */
void ak_tcp_resume(struct ak_core *core, struct ak_tcb *t, struct ak_seg *seg);
/* A connection enters TIME-WAIT: t is gone for the caller. */
void ak_tcp_enter_time_wait(struct ak_core *core, struct ak_tcb *t, aksu_state_cause cause);

/* ---- steps in files of their own */
enum ak_verdict ak_tcp_step_ack(struct ak_input *in);    /* ack.c: fifth */
enum ak_verdict ak_tcp_step_urgent(struct ak_input *in); /* text.c: sixth */
enum ak_verdict ak_tcp_step_text(struct ak_input *in);   /* text.c: seventh */
bool ak_tcp_second_fin(const struct ak_input *in);
enum ak_verdict ak_tcp_step_fin(struct ak_input *in); /* text.c: eighth */

void ak_tcp_syn_data_acked(struct ak_input *in);                  /* ack.c: and of what our SYN carried, some or none */
void ak_tcp_established(struct ak_input *in);                     /* ack.c: our SYN is acknowledged */
void ak_tcp_first_window(struct ak_core *core, struct ak_tcb *t); /* ack.c: no more than one segment */

/* ---- state.c: every change of state goes through one of these */
void ak_tcp_set_state(struct ak_core *core, struct ak_tcb *t, aksu_tcp_state to, aksu_state_cause cause);
/* A control block takes over from a half-open record, whose changes have been told. */
void ak_tcp_begin_state(struct ak_tcb *t, aksu_tcp_state state);
/* The same for what has no control block. */
struct ak_state_change {
    aksu_tcp_state from, to;
    aksu_state_cause cause;
    aksu_state_record record;
    aksu_reason reason;
};
void ak_tcp_state_changed(struct ak_core *core, const struct ak_tuple *tuple, const struct ak_state_change *change);
bool ak_tcp_transition_legal(aksu_tcp_state from, aksu_tcp_state to);

/* ---- connection.c: life of a control block */
struct ak_tcb *ak_tcb_new(struct ak_core *core, const struct ak_tuple *tuple, uint32_t settings, uint64_t user);
/* Frees it at once, whatever is in it; the application's handle, if it still has one, keeps the block until released.
 */
void ak_tcp_end(struct ak_core *core, struct ak_tcb *t, aksu_reason reason, aksu_state_cause cause);
/* The application lets go.  The block may be freed. */
void ak_tcp_release(struct ak_core *core, struct ak_tcb *t);
void ak_tcb_free(struct ak_core *core, struct ak_tcb *t);
/* The transfer state, taken if there is none; NULL: no memory. */
struct ak_transfer *ak_transfer_need(struct ak_core *core, struct ak_tcb *t);
/* IW, RFC 6928 s2. */
uint32_t ak_tcp_initial_window(const struct ak_core *core, const struct ak_tcb *t);
uint32_t ak_tcp_resumed_window(const struct ak_core *core, const struct ak_tcb *t);
void ak_transfer_synchronized(struct ak_core *core, struct ak_tcb *t);
void ak_transfer_return(struct ak_core *core, struct ak_tcb *t);
/* The connection has ended, or its application has given back what was lent: the transfer too, if nobody needs it. */
void ak_transfer_over(struct ak_core *core, struct ak_tcb *t);
/* Whether it holds nothing any more. */
bool ak_transfer_idle(const struct ak_core *core, const struct ak_tcb *t);
/* The idle timer has fired: returned if nothing has come for that long. */
void ak_transfer_idle_fire(struct ak_core *core, struct ak_tcb *t);
void ak_transfer_idle_soon(struct ak_core *core, struct ak_tcb *t); /* its timer, if it is */
void ak_tcp_tell(struct ak_core *core, struct ak_tcb *t, uint8_t bits);
/* The levels of a connection or listener, as AKSU_EV_ bits. */
uint32_t ak_tcp_levels(const struct ak_core *core, ak_ref ref);
void ak_tcp_soft_error(struct ak_core *core, struct ak_tcb *t, aksu_reason reason);
void ak_tcp_want_output(struct ak_core *core, struct ak_tcb *t);
/* Off the list of those who have something to send, or the neighbour that it waits for. */
void ak_tcp_leave_output(struct ak_core *core, struct ak_tcb *t);
/* What has come since frames last went to the neighbour that the transfer remembers confirms it: the time is that of
 * the last segment, no earlier than the progress. */
void ak_tcp_hop_progress(struct ak_core *core, struct ak_tcb *t);
/* Until the neighbour answers, nothing is planned; then one of these two. */
void ak_tcp_park(struct ak_core *core, struct ak_tcb *t, ak_ref neighbour);
void ak_tcp_hop_ready(struct ak_core *core, ak_ref connection);
void ak_tcp_hop_failed(struct ak_core *core, ak_ref connection);
void ak_tcp_ack_now(struct ak_core *core, struct ak_tcb *t, uint32_t why_flags);
/* An ACK that a stranger may have provoked: within this connection's budget (RFC 5961 s7). */
bool ak_tcp_challenge(struct ak_core *core, struct ak_tcb *t, uint32_t why_flags);

/* ---- isn.c: what must be unguessable */
uint32_t ak_tuple_hash(const struct ak_core *core, const struct ak_tuple *tuple);
uint32_t ak_ref_hash(const void *owner, ak_ref ref);
ak_seq ak_tcp_isn(const struct ak_core *core, const struct ak_tuple *tuple);
uint32_t ak_tcp_timestamp_offset(const struct ak_core *core, const struct ak_tuple *tuple);
/* RFC 6437 s3: the same for all packets of a flow, from the offset of its timestamps, and nothing that can be computed
 * from outside. */
uint32_t ak_tcp_flow_label(const struct ak_core *core, uint32_t ts_offset);
uint32_t ak_tcp_timestamp(const struct ak_core *core, uint32_t offset);
/* A free ephemeral port for tuple (its local_port is written), RFC 6056 s3.3.1; false: none. */
bool ak_tcp_port_choose(struct ak_core *core, struct ak_tuple *tuple);
ak_ref ak_flow_find(const struct ak_core *core, const struct ak_tuple *tuple);
bool ak_tuple_equal(const struct ak_tuple *a, const struct ak_tuple *b);

/* ---- listen.c: listeners, the SYN cache */
ak_ref ak_listener_find(const struct ak_core *core, const struct ak_seg *seg);
ak_ref ak_listener_find_exact(const struct ak_core *core, const struct ak_tuple *tuple);
void ak_listener_link(struct ak_core *core, ak_ref ref);
void ak_listener_unlink(struct ak_core *core, ak_ref ref);
/* Its half-open records go, and what waits for accept is reset. */
void ak_listener_empty(struct ak_core *core, ak_ref ref);
void ak_syn_fire(struct ak_core *core, ak_ref ref); /* its timer */
void ak_syn_free(struct ak_core *core, ak_ref ref);
/* Sends its SYN,ACK. */
void ak_syn_answer(struct ak_core *core, ak_ref ref);

void ak_syn_decide(struct ak_core *core, ak_ref ref, aksu_verdict verdict);
/* What a completed handshake has settled, whether a half-open record or a cookie held it. */
struct ak_handshake {
    const struct ak_tuple *tuple;
    ak_ref listener;
    ak_seq iss, irs;
    uint32_t ts_recent;
    uint16_t mss, link;
    uint8_t wscale;
    bool timestamps, window_scale, sack;
    uint8_t ecn;     /* enum ak_ecn_mode */
    uint8_t syn_ecn; /* accurate: the IP-ECN field of the latest SYN */
    bool not_ect;    /* and a SYN or SYN,ACK without has come or gone */
    bool no_option;  /* and our SYN,ACK with an AccECN option was lost */
    aksu_state_record record;
};
/* A control block for it, not yet synchronized; a TCB must be free. */
struct ak_tcb *ak_tcb_from_handshake(struct ak_core *core, const struct ak_handshake *handshake);
/* Onto its listener's accept queue. */
void ak_listener_push(struct ak_core *core, struct ak_tcb *t);

/* ---- timewait.c: compact 2MSL records */
/* Puts a record into the place of a control block that has nothing left to do, and frees the block; due_us: when it
 * ends. */
void ak_time_wait_from(struct ak_core *core, struct ak_tcb *t, uint64_t due_us);
/* The record that a connection has become; AK_NONE: before, and when 2MSL is over. */
ak_ref ak_time_wait_of(const struct ak_core *core, const struct ak_tcb *t);
/* Ends records that are due. */
void ak_time_wait_expire(struct ak_core *core);
uint64_t ak_time_wait_next_us(const struct ak_core *core);
uint64_t ak_time_wait_due_us(const struct ak_core *core, const struct ak_time_wait *record);
/* After a SYN suspended a record: back into the table, if no half-open record came of it. */
void ak_time_wait_resume(struct ak_core *core, ak_ref ref);
/* A suspended record whose successor is synchronized. */
void ak_time_wait_forget(struct ak_core *core, ak_ref ref);
void ak_time_wait_free(struct ak_core *core, ak_ref ref, aksu_state_cause cause);
/* Whether a SYN may begin a new incarnation: RFC 6191 s2, RFC 9293 s3.6.1. */
struct ak_old_incarnation {
    ak_seq rcv_nxt;
    uint32_t ts_recent;
    bool timestamps;
};
bool ak_tcp_syn_is_newer(const struct ak_seg *seg, const struct ak_old_incarnation *old);

/* ---- options.c */
struct ak_syn_options {
    uint16_t mss;
    uint8_t wscale;
    bool timestamps, window_scale, sack;
};
/* What our SYN or SYN,ACK carries. */
aksu_tcp_options ak_tcp_syn_options(const struct ak_core *core, const struct ak_tcb *t);
/* What every other segment carries; what is not present is left as it was. */
void ak_tcp_segment_options(const struct ak_core *core, const struct ak_tcb *t, aksu_tcp_options *ret_options);
/* Takes what the peer's SYN offers. */
void ak_tcp_accept_options(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg);
/* The send MSS of a SYN: what it says, bounded below (CVE-2019-11477), or the default (MUST-15). */
uint16_t ak_tcp_peer_mss(const struct ak_seg *seg);
uint16_t ak_tcp_our_mss(const struct ak_core *core, uint32_t mtu, const aksu_addr *local,
                        const aksu_tcp_settings *settings);
/* Buffers at their beginning: what is fixed, or where one starts that tunes itself. */
enum { AK_BUFFER_START = 128 * 1024 };
static inline uint32_t ak_tcp_rcv_buf_start(const aksu_tcp_settings *settings) {
    if (settings->rcv_buf_bytes != 0) return (uint32_t)settings->rcv_buf_bytes;
    return (uint32_t)ak_min_u64(settings->rcv_buf_max_bytes, AK_BUFFER_START);
}
static inline uint32_t ak_tcp_snd_buf_start(const aksu_tcp_settings *settings) {
    if (settings->snd_buf_bytes != 0) return (uint32_t)settings->snd_buf_bytes;
    return (uint32_t)ak_min_u64(settings->snd_buf_max_bytes, AK_BUFFER_START);
}
static inline uint32_t ak_tcp_rcv_buf(const struct ak_core *core, const struct ak_tcb *t) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    return x != NULL ? x->rcv_buf_bytes : ak_tcp_rcv_buf_start(ak_settings_of(core, &t->sock));
}
/* tune.c: a transfer begins, or its settings have changed, or it ends; text has come and tune.round_end_us is
 * over; the congestion window is more than a third of the send buffer. */
void ak_tune_begin(struct ak_core *core, const struct ak_tcb *t);
void ak_tune_end(struct ak_core *core, struct ak_transfer *x);
void ak_tune_received(struct ak_core *core, const struct ak_tcb *t, const struct ak_seg *seg);
void ak_tune_send(struct ak_core *core, const struct ak_tcb *t);
uint8_t ak_tcp_our_wscale(const aksu_tcp_settings *settings);
/* The send MSS of a segment with these options: RFC 9293 s3.7.1, MUST-16. */
uint32_t ak_tcp_effective_mss(const struct ak_core *core, const struct ak_tcb *t, uint32_t option_bytes);
uint32_t ak_tcp_ip_header_bytes(const struct ak_tuple *tuple);
/* RFC 5482: the option, if the settings ask for it. */
void ak_tcp_user_timeout_offer(const aksu_tcp_settings *settings, aksu_tcp_options *options);
void ak_tcp_user_timeout_take(struct ak_tcb *t, const struct ak_seg *seg);
/* RFC 7323 s4.3 (3): TS.Recent. */
bool ak_tcp_timestamp_outdated(const struct ak_core *core, const struct ak_tcb *t);
void ak_tcp_timestamp_take(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg);

/* ---- reset.c: segments without a connection, RFC 9293 s3.5.2 */
void ak_tcp_reset_for(struct ak_core *core, const struct ak_seg *seg);
/* A bare segment of no control block's: SYN,ACK of a half-open record, ACK of a TIME-WAIT record, RST of an abort. */
struct ak_bare {
    struct ak_tuple tuple;
    struct ak_tcp_header header; /* ports are filled in */
    uint16_t link;
    uint8_t ttl, tos;
    uint8_t order; /* enum ak_option_order */
    aksu_send_cause cause;
};
bool ak_tcp_send_bare(struct ak_core *core, struct ak_bare *bare);
/* RST for a connection given up from this side (s3.10.5). */
void ak_tcp_send_reset(struct ak_core *core, const struct ak_tcb *t);
/* The ACK that a connection owes when the segment it owes it for has ended it. */
void ak_tcp_send_last_ack(struct ak_core *core, const struct ak_tcb *t);

/* ---- icmp_error.c: whether the error was one that a router could have sent */
bool ak_tcp_icmp_error(struct ak_core *core, const struct ak_icmp_report *report);

/* ---- window.c */
/* The right edge that may be announced now: never left of the one announced (SHLD-14). */
ak_seq ak_tcp_window_edge(const struct ak_core *core, const struct ak_tcb *t);
uint32_t ak_tcp_receive_window(const struct ak_core *core, const struct ak_tcb *t); /* RCV.WND as announced */
/* Whether what is in order is to be told to the application. */
bool ak_tcp_worth_reading(const struct ak_core *core, const struct ak_tcb *t, uint32_t readable_bytes);
/* What a SYN or SYN,ACK announces, never scaled. */
uint32_t ak_tcp_syn_window(const struct ak_core *core, const struct ak_tcb *t);
/* After the application has read: an ACK if the peer should hear of it. */
void ak_tcp_window_opened(struct ak_core *core, struct ak_tcb *t);
void ak_tcp_send_window_update(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg);

/* ---- timer.c: RFC 9293 s3.10.8 */
void ak_tcp_timer_set(struct ak_core *core, struct ak_tcb *t, aksu_timer timer, uint64_t due_us);
void ak_tcp_timer_cancel(struct ak_core *core, struct ak_tcb *t, aksu_timer timer);
uint64_t ak_tcp_timer_due(const struct ak_core *core, const struct ak_tcb *t, aksu_timer timer);
/* The window takes something again.  The distance of the probes is no back-off of what goes now. */
void ak_tcp_persist_over(struct ak_core *core, struct ak_tcb *t);
/* Files the wheel entry for the earliest deadline. */
void ak_tcp_timer_file(struct ak_core *core, struct ak_tcb *t);
/* The wheel entry of a control block has fired. */
void ak_tcp_timer_fire(struct ak_core *core, struct ak_tcb *t);
/* The earliest deadline, and which. */
uint64_t ak_tcp_timer_next(const struct ak_core *core, const struct ak_tcb *t, aksu_timer *ret_timer);
/* The user timeout in force, 0: none. */
uint64_t ak_tcp_user_timeout_us(const struct ak_core *core, const struct ak_tcb *t);

/* ---- rtt.c: RFC 6298 */
void ak_tcp_rtt_sample(struct ak_core *core, struct ak_tcb *t, uint64_t sample_us);
uint64_t ak_tcp_rto_us(const struct ak_core *core, const struct ak_tcb *t);
void ak_tcp_rtt_forget(struct ak_tcb *t);
/* The RTO with back-off. */
uint64_t ak_tcp_rto_backed_off_us(const struct ak_core *core, const struct ak_tcb *t);
void ak_tcp_rto_restart(struct ak_core *core, struct ak_tcb *t);

/* ---- flight.c, loss.c: what is in flight, what is lost: RFC 5681 s3.2, RFC 6582 */
/* Takes the acknowledged bytes out of flight and samples the round trip. */
void ak_tcp_flight_acked(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg);
void ak_tcp_duplicate_ack(struct ak_core *core, struct ak_tcb *t);
void ak_tcp_rto_losses(struct ak_core *core, struct ak_tcb *t);
uint32_t ak_tcp_in_flight(const struct ak_transfer *x, const struct ak_tcb *t, uint32_t mss);
/* A transmission joins those in flight; records were checked to be there. */
void ak_tcp_flight_sent(struct ak_core *core, struct ak_tcb *t, ak_seq seq, uint32_t bytes, uint32_t segment_bytes);
/* The first lost record that may be sent again; AK_NONE. */
uint32_t ak_tcp_flight_lost(const struct ak_core *core, const struct ak_transfer *x);
void ak_tcp_flight_retransmitted(struct ak_core *core, struct ak_tcb *t, uint32_t index, uint32_t bytes);
/* The last bytes of the flight went again, as a probe. */
void ak_tcp_flight_probed(struct ak_core *core, struct ak_tcb *t, uint32_t bytes);
/* The first byte of the flight went again into a shut window: Karn (RFC 6298 s3). */
void ak_tcp_flight_probed_window(struct ak_core *core, const struct ak_transfer *x);
void ak_tcp_flight_clear(struct ak_core *core, struct ak_transfer *x);

/* ---- sack.c, rack.c: RFC 2018, RFC 8985 */
void ak_tcp_sack_take(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg);
bool ak_tcp_sack_duplicate(const struct ak_seg *seg);
/* The receiver's side: these bytes came twice, and the next ACK says so. */
void ak_tcp_sack_tell_duplicate(struct ak_core *core, struct ak_tcb *t, ak_seq left, ak_seq right);
void ak_rack_detect(struct ak_core *core, struct ak_tcb *t);
void ak_rack_duplicate(struct ak_core *core, struct ak_tcb *t); /* the peer had something twice */
void ak_rack_fire(struct ak_core *core, struct ak_tcb *t);      /* the reordering timer */
void ak_tlp_schedule(struct ak_core *core, struct ak_tcb *t);
void ak_tlp_fire(struct ak_core *core, struct ak_tcb *t);
bool ak_tlp_instead(struct ak_core *core, struct ak_tcb *t);
void ak_tlp_sent(struct ak_core *core, struct ak_tcb *t, bool retransmission);
/* Before the selective acknowledgments of the same segment; old_una: SND.UNA before it. */
void ak_tlp_acked(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg, ak_seq old_una);

/* ---- plpmtud.c: RFC 8899 */
void ak_plpmtud_established(struct ak_core *core, struct ak_tcb *t);
/* The text of a probe that may go now, where other segments have mss; 0: none. */
uint32_t ak_plpmtud_probe_bytes(struct ak_core *core, const struct ak_tcb *t, uint32_t mss);
void ak_plpmtud_sent(struct ak_core *core, struct ak_tcb *t, ak_seq seq);

/* ---- pace.c: when the next frame of data may go */
bool ak_pace_waits(const struct ak_core *core, const struct ak_tcb *t);    /* with a transfer */
uint64_t ak_pace_rate(const struct ak_core *core, const struct ak_tcb *t); /* bytes a second; 0: not paced */
/* The most bytes of one frame of new data, not above most; a multiple of mss. */
uint32_t ak_pace_quantum(const struct ak_core *core, const struct ak_tcb *t, uint32_t most, uint32_t mss);

/* ---- cwv.c: RFC 5681 s4.1.  Before anything is sent with nothing in flight. */
void ak_cwv_restart(struct ak_core *core, struct ak_tcb *t);

/* ---- ecn.c: RFC 3168 */
enum ak_ecn_mode { AK_ECN_NONE, AK_ECN_CLASSIC, AK_ECN_ACCURATE };
/* What a SYN asks for that we would do. */
enum ak_ecn_mode ak_ecn_asked(const struct ak_seg *seg, const aksu_tcp_settings *settings);
void ak_ecn_offer(struct ak_core *core, struct ak_tcb *t); /* in our SYN, as the settings say */
void ak_ecn_accept(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg); /* the peer's SYN or SYN,ACK */
uint16_t ak_ecn_syn_flags(const struct ak_core *core, const struct ak_tcb *t);
/* Of another segment, with AK_F_ECN; bare_ack: an ACK without text or selective acknowledgments. */
uint16_t ak_ecn_flags(const struct ak_core *core, const struct ak_tcb *t, bool bare_ack);
bool ak_ecn_capable(const struct ak_core *core, const struct ak_tcb *t); /* new data may go as ECT(0) */
void ak_ecn_data(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg);
/* With AK_F_ECN, before what it acknowledges. */
void ak_ecn_ack(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg);

/* ---- accecn.c: RFC 9768.  A segment but a SYN went, with AK_F_ECN. */
struct ak_ecn_segment {
    ak_seq seq;
    uint32_t bytes;
    uint16_t present; /* AKSU_OPT_ */
    bool retransmission;
};
void ak_ecn_went(struct ak_core *core, struct ak_tcb *t, const struct ak_ecn_segment *went);

/* ---- output.c: plan, build, commit */
/* Sends what a connection has, at most frame_cap frames; answers how many. */
void ak_tcp_frame_returned(struct ak_core *core, ak_ref owner);
size_t ak_tcp_output(struct ak_core *core, struct ak_tcb *t, aksu_frame *ret_frames, size_t frame_cap);

/* ---- trace.c: what happens, told to the sink */
struct ak_trace_segment {
    aksu_direction direction;
    const struct ak_tcb *t; /* NULL: no control block */
    aksu_tcp_state state_before, state_after;
    aksu_drop drop;
    aksu_send_cause cause;
    bool retransmission;
};
void ak_tcp_trace_in(struct ak_core *core, const struct ak_seg *seg, const struct ak_trace_segment *what);
/* The header is read back from the frame. */
void ak_tcp_trace_out(struct ak_core *core, const aksu_frame *frame, const struct ak_trace_segment *what);
/* A segment sent without a control block: its state is looked up. */
void ak_tcp_trace_reply(struct ak_core *core, const aksu_frame *frame, struct ak_trace_segment *what);
void ak_tcp_trace_call(struct ak_core *core, const struct ak_tuple *tuple, aksu_call call, uint64_t bytes,
                       aksu_err err);
void ak_tcp_trace_timer(struct ak_core *core, const struct ak_tuple *tuple, aksu_timer timer, aksu_timer_action action,
                        uint64_t due_us);
/* cc.c: another congestion control takes over, before and after the settings have changed. */
void ak_tcp_cc_leaves(struct ak_core *core, struct ak_tcb *t);
void ak_tcp_cc_enters(struct ak_core *core, struct ak_tcb *t);
void ak_tcp_trace_mode(struct ak_core *core, const struct ak_tcb *t);
void ak_tcp_trace_cwnd(struct ak_core *core, const struct ak_tcb *t, aksu_cwnd_cause cause);
void ak_tcp_trace_loss(struct ak_core *core, const struct ak_tcb *t, aksu_loss_cause cause, ak_seq seq, uint32_t bytes);
static inline bool ak_tracing(const struct ak_core *core) {
    return core->host.sink != NULL;
}
aksu_flow ak_flow_of(const struct ak_tuple *tuple);

#endif
