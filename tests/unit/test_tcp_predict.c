/* Goal: header prediction takes the segments that it is for, leaves all others to the ordered steps, and does with
 * those that it takes what the steps do.
 *
 * Each row is a connection with something before it, and a segment.  One copy of the stack is asked to predict it,
 * another takes it by the steps: if the first took it, both must be in the same state. */
#include "tcp_peer.h"

#include "tcp/tcp.h"

enum { TEXT = 100, CE = 3 };

/* RCV.NXT and SND.NXT are 101, and all is acknowledged, but for what it says. */
enum before {
    QUIET,
    NO_TRANSFER,     /* nothing has been said: both are 1 */
    IN_FLIGHT,       /* our last 100 bytes, from 101 on, are not acknowledged */
    GAP,             /* 201 to 300 is held */
    GAP_BY_OLD_ACK,  /* the same; it acknowledged less than was acknowledged before */
    GAP_AND_FIN,     /* a FIN at 201 is held */
    PEER_HAS_CLOSED, /* CLOSE-WAIT, RCV.NXT 102 */
    SHUT,            /* the peer's window is shut, and bytes of ours wait for it */
    NARROW,          /* it has room for less than is worth sending: the persist timer runs */
    PROBED,          /* a tail loss probe was acknowledged, and may have been needless */
    MODELLED,        /* congestion control that models the path */
    WE_HAVE_CLOSED,  /* FIN-WAIT-2, SND.NXT 102 */
};

struct row {
    const char *name;
    enum before before;
    bool predicted;
    uint8_t flags; /* besides ACK; ACK itself: without it */
    uint8_t tos;
    int32_t seq, ack, wnd; /* beyond RCV.NXT, SND.NXT and the window before */
    uint32_t bytes;        /* TEXT unless set */
    bool no_text;
    uint8_t options; /* instead of those that the connection has */
    int32_t ts_val;  /* beyond TS.Recent, 0 and more unless the connection is without */
    bool timestamps;
};

static const struct row rows[] = {
    {.name = "in order", .predicted = true},
    {.name = "in order, pushed", .flags = AKSU_TCP_PSH, .predicted = true},
    {.name = "no ACK", .flags = AKSU_TCP_ACK},
    {.name = "SYN", .flags = AKSU_TCP_SYN},
    {.name = "FIN", .flags = AKSU_TCP_FIN},
    {.name = "RST", .flags = AKSU_TCP_RST},
    {.name = "URG", .flags = AKSU_TCP_URG},
    {.name = "ECE", .flags = AKSU_TCP_ECE},
    {.name = "CWR", .flags = AKSU_TCP_CWR},
    {.name = "marked", .tos = CE},
    {.name = "without text", .no_text = true},
    {.name = "begins before RCV.NXT", .seq = -1},
    {.name = "begins beyond RCV.NXT", .seq = 1},
    {.name = "beyond the window", .bytes = 9901},
    {.name = "to the window's end", .bytes = 9900, .predicted = true},
    {.name = "acknowledges what was never sent", .ack = 1},
    {.name = "acknowledges less than before", .ack = -1},
    {.name = "opens the window", .wnd = 1},
    {.name = "closes the window", .wnd = -1},
    {.name = "shuts the window", .wnd = -65535},
    {.name = "SACK", .options = AKSU_OPT_SACK},
    {.name = "a timestamp where there are none", .options = AKSU_OPT_TIMESTAMPS},
    {.name = "the same timestamp", .timestamps = true, .predicted = true},
    {.name = "a newer timestamp", .timestamps = true, .ts_val = 1, .predicted = true},
    {.name = "an older timestamp", .timestamps = true, .ts_val = -1},
    {.name = "no timestamp where there is one", .timestamps = true, .options = AKSU_OPT_USER_TIMEOUT},
    {.name = "the first text", .before = NO_TRANSFER},
    {.name = "bytes of ours in flight", .before = IN_FLIGHT, .ack = -100},
    {.name = "fills a gap", .before = GAP},
    {.name = "fills a gap from before the window's update", .before = GAP_BY_OLD_ACK, .predicted = true},
    {.name = "a FIN waits behind it", .before = GAP_AND_FIN},
    {.name = "the window stays shut", .before = SHUT, .predicted = true},
    {.name = "the window stays narrow", .before = NARROW, .predicted = true},
    {.name = "the window opens", .before = SHUT, .wnd = 100},
    {.name = "after a tail loss probe", .before = PROBED, .predicted = true},
    {.name = "congestion control that hears of each ACK", .before = MODELLED},
    {.name = "after the peer's FIN", .before = PEER_HAS_CLOSED},
    {.name = "after our FIN", .before = WE_HAVE_CLOSED},
};

static void says(struct peer *p, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t bytes) {
    peer_says(p, (struct peer_segment){.flags = flags | AKSU_TCP_ACK, .seq = seq, .ack = ack, .bytes = bytes});
}

static struct peer prepare(const struct row *r) {
    aksu_config config = world_config();
    config.tcp.rcv_buf_bytes = 10000;
    config.tcp.timestamps = r->timestamps;
    if (r->before == MODELLED) config.tcp.congestion_control = (uint32_t)aksu_cc_index("bbr");
    struct peer p = peer_open(&config);
    if (r->timestamps) p.options = (aksu_tcp_options){.present = AKSU_OPT_TIMESTAMPS, .ts_val = 1000};
    peer_syn(&p);
    says(&p, 0, 1, 1, 0);
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    if (r->before == NO_TRANSFER) return p;
    we_send(&p, 100);
    says(&p, 0, 1, 101, 100);
    if (r->before == IN_FLIGHT) we_send(&p, 100);
    if (r->before == GAP) says(&p, 0, 201, 101, 100);
    if (r->before == GAP_BY_OLD_ACK) says(&p, 0, 201, 100, 100);
    if (r->before == GAP_AND_FIN) says(&p, AKSU_TCP_FIN, 201, 100, 0);
    if (r->before == SHUT || r->before == NARROW) {
        p.wnd = r->before == SHUT ? 0 : 10;
        says(&p, 0, 101, 101, 0);
        we_send(&p, 1000);
    }
    if (r->before == PROBED) {
        we_send(&p, 100);
        world_run(p.w, 900000);
        says(&p, 0, 101, 201, 0);
    }
    if (r->before == PEER_HAS_CLOSED) says(&p, AKSU_TCP_FIN, 101, 101, 0);
    if (r->before == WE_HAVE_CLOSED) {
        assert_int_equal(aksu_tcp_shutdown(p.w->stack[SERVER], p.sock), AKSU_OK);
        world_run(p.w, 1000);
        says(&p, 0, 101, 102, 0);
    }
    return p;
}

static struct ak_seg segment(const struct row *r, const struct ak_tcb *t, const aksu_frame *frame) {
    uint8_t options = r->timestamps ? AKSU_OPT_TIMESTAMPS : 0;
    return (struct ak_seg){
        .tuple = t->tuple,
        .seq = ak_seq_add(t->rcv.nxt, (uint32_t)r->seq),
        .ack = ak_seq_add(t->snd.nxt, (uint32_t)r->ack),
        .flags = AKSU_TCP_ACK ^ r->flags,
        .data_offset = 5,
        .tos = r->tos,
        .wnd = (uint16_t)((int32_t)(t->snd.wnd >> t->snd.wscale) + r->wnd),
        .up = r->flags & AKSU_TCP_URG ? 10 : 0,
        .text_bytes = frame->total_bytes,
        .frame = frame,
        .time_us = 1,
        .old_incarnation = AK_NONE,
        .options = {.present = r->options != 0 ? r->options : options,
                    .ts_val = t->ts_recent + (uint32_t)r->ts_val,
                    .sack_count = 1,
                    .sack = {{.left = t->snd.nxt.n - 10, .right = t->snd.nxt.n}}},
    };
}

struct copy {
    aksu_stack *stack;
    void *mem;
};

static struct copy copy_of(const struct peer *p) {
    struct ak_core *core = ak_core_of(p->w->stack[SERVER]);
    size_t bytes = aksu_stack_bytes(&core->config);
    struct copy copy = {.mem = aligned_alloc(64, bytes)};
    assert_non_null(copy.mem);
    memset(copy.mem, 0, bytes);
    assert_int_equal(aksu_stack_clone(p->w->stack[SERVER], copy.mem, bytes, &copy.stack), AKSU_OK);
    return copy;
}

static void each_segment_predicted_or_not_as_the_steps(void **state) {
    (void)state;
    static uint8_t text[16384];
    for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        struct peer p = prepare(r);
        struct copy by_prediction = copy_of(&p), by_steps = copy_of(&p);
        struct ak_core *core = ak_core_of(by_prediction.stack), *other = ak_core_of(by_steps.stack);
        struct ak_tcb *t = ak_tcb_at(core, p.sock.slot);
        uint32_t bytes = r->no_text ? 0 : r->bytes > 0 ? r->bytes : TEXT;
        aksu_iov iov = {.base = text, .bytes = bytes};
        aksu_frame frame = {.total_bytes = bytes, .iov_count = 1, .iov = &iov};
        struct ak_seg seg = segment(r, t, &frame), again = seg;
        uint64_t digest = aksu_stack_digest(by_prediction.stack);
        bool predicted = ak_tcp_predicted(core, t, &seg);
        if (predicted != r->predicted)
            fail_msg("%s: %s", r->name, predicted ? "was predicted" : "was left to the ordered steps");
        if (predicted) {
            ak_tcp_segment_by_steps(other, &again);
            digest = aksu_stack_digest(by_steps.stack);
        }
        if (aksu_stack_digest(by_prediction.stack) != digest)
            fail_msg("%s: %s", r->name, predicted ? "not as the ordered steps" : "something was done");
        free(by_prediction.mem);
        free(by_steps.mem);
        world_close(p.w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_segment_predicted_or_not_as_the_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
