/* Goal: what is written for other programs is what they read: JSON lines by python3, pcapng by tshark (each skipped
 * where the program is missing), and the table of connections by people. */
#include "view/jsonl.h"
#include "view/pcapng.h"
#include "view/table.h"
#include "view_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs a shell command over a file of these bytes ("$1"); answers its output in the caller's buffer. */
static void run_on(const void *bytes, size_t byte_count, const char *command, char *out, size_t out_cap) {
    char path[] = "/tmp/aksu-view-XXXXXX", line[2048];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, byte_count), byte_count);
    close(fd);
    snprintf(line, sizeof line, "set -- %s; %s", path, command);
    FILE *pipe = popen(line, "r"); /* NOLINT(cert-env33-c): a fixed command of this test */
    assert_non_null(pipe);
    size_t got = fread(out, 1, out_cap - 1, pipe);
    out[got] = '\0';
    pclose(pipe);
    unlink(path);
}

static void need_program(const char *name) {
    char line[128];
    snprintf(line, sizeof line, "command -v %s >/dev/null", name);
    if (system(line) == 0) return; /* NOLINT(cert-env33-c): the same */
    print_message("%s is missing\n", name);
    skip();
}

/* ---- JSON lines */

static void to_jsonl(void *user, unsigned host, uint64_t packet, const aksu_trace_event *event) {
    (void)host;
    (void)packet;
    assert_true(ak_jsonl_write(user, event));
}

static void every_kind_extreme_values_valid_json(void **state) {
    (void)state;
    need_program("python3");
    ak_memory memory = {.limit_bytes = 1u << 20};
    ak_writer writer = ak_writer_memory(&memory);
    aksu_iov piece = {.base = &memory, .bytes = 40};
    aksu_frame frame = {
        .total_bytes = UINT32_MAX, .segment_bytes = 65535, .checksum = 2, .iov = &piece, .iov_count = 1};
    size_t lines = 0;
    for (int fill = 0; fill < 2; fill++) {
        for (int kind = 0; kind < AKSU_TRACE_KIND_COUNT; kind++) {
            aksu_trace_event e;
            memset(&e, fill ? 0x7f : 0, sizeof e);
            e.kind = (aksu_trace_kind)kind;
            e.time_us = fill ? UINT64_MAX : 0;
            /* A bool and a pointer cannot be just any bytes. */
            if (kind == AKSU_TRACE_SEGMENT) {
                e.u.segment.retransmission = fill != 0;
                e.u.segment.ace = fill != 0;
                e.u.segment.frame = fill ? &frame : NULL;
            }
            if (kind == AKSU_TRACE_PACKET) e.u.packet.frame = fill ? &frame : NULL;
            assert_true(ak_jsonl_write(&writer, &e));
            lines++;
        }
    }
    char out[256];
    run_on(memory.text, memory.used_bytes,
           "python3 -c 'import json,sys; d=[json.loads(l) for l in open(sys.argv[1])]; print(len(d), len({e[\"event\"] "
           "for e "
           "in d}), all(\"time_us\" in e for e in d))' $1",
           out, sizeof out);
    char expected[64];
    snprintf(expected, sizeof expected, "%zu %d True\n", lines, (int)AKSU_TRACE_KIND_COUNT);
    assert_string_equal(out, expected);
    ak_memory_free(&memory);
}

static void segment_names_and_relative_numbers_told(void **state) {
    (void)state;
    ak_memory memory = {.limit_bytes = 1u << 20};
    ak_writer writer = ak_writer_memory(&memory);
    uint64_t now_us = 7;
    struct feed f = feed_make(to_jsonl, &writer, &now_us);
    feed_segment(
        &f, AKSU_IN,
        (struct seg){.flags = F_SYN | F_ACK, .ack = 1, .options = true, .to = AK_TCP_ESTABLISHED, .moves = true});
    static const char *const parts[] = {
        "{\"time_us\":7,\"event\":\"segment\",\"direction\":\"in\",",
        "\"local\":\"10.0.0.1\",\"local_port\":40000,\"remote\":\"10.0.0.2\",\"remote_port\":80}",
        "\"seq\":3000000000,\"ack\":4294967281,\"flags\":[\"ACK\",\"SYN\"]",
        "\"options\":{\"count\":4,\"mss\":1460,\"wscale\":7,\"sack_permitted\":true,\"ts_val\":1000,\"ts_ecr\":500}",
        "\"state_before\":\"CLOSED\",\"state_after\":\"ESTABLISHED\",\"drop\":\"NONE\"",
        "\"frame\":null,\"ace\":false,\"rel_seq\":0,\"rel_ack\":1}\n",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strstr(memory.text, parts[i]) == NULL) fail_msg("no %s in %s", parts[i], memory.text);
    }
    ak_memory_free(&memory);
}

/* ---- pcapng */

struct capture {
    ak_memory memory;
    ak_pcapng *pcapng;
    uint64_t now_us;
    uint8_t packet[2048];
    aksu_iov piece[3];
    aksu_frame frame;
};

static void to_pcapng(void *user, unsigned host, uint64_t packet, const aksu_trace_event *event) {
    (void)packet;
    struct capture *c = user;
    assert_true(ak_pcapng_event(c->pcapng, host, event));
}

static void put16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value) {
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

/* A TCP packet over IPv4 or IPv6 whose checksum is left to the device, in three pieces of odd sizes. */
static const aksu_frame *packet_make(struct capture *c, const aksu_addr *from, const aksu_addr *to, uint8_t flags,
                                     uint32_t payload_bytes) {
    memset(c->packet, 0, sizeof c->packet);
    bool v4 = aksu_addr_is_v4(from);
    uint32_t ip_bytes = v4 ? 20 : 40, total = ip_bytes + 20 + payload_bytes;
    uint8_t *ip = c->packet, *tcp = c->packet + ip_bytes;
    if (v4) {
        ip[0] = 0x45;
        put16(ip + 2, total);
        ip[8] = 64;
        ip[9] = 6;
        memcpy(ip + 12, from->byte + 12, 4);
        memcpy(ip + 16, to->byte + 12, 4);
        uint32_t sum = 0;
        for (size_t i = 0; i < 20; i += 2) sum += (uint32_t)ip[i] << 8 | ip[i + 1];
        put16(ip + 10, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
    } else {
        ip[0] = 0x60;
        put16(ip + 4, total - 40);
        ip[6] = 6;
        ip[7] = 64;
        memcpy(ip + 8, from->byte, 16);
        memcpy(ip + 24, to->byte, 16);
    }
    put16(tcp, 40000);
    put16(tcp + 2, 80);
    put32(tcp + 4, 1000);
    tcp[12] = 5 << 4;
    tcp[13] = flags;
    put16(tcp + 14, 65535);
    put16(tcp + 16, 0xbeef); /* whatever stands there is not believed */
    for (uint32_t i = 0; i < payload_bytes; i++) tcp[20 + i] = (uint8_t)(i * 7);
    c->piece[0] = (aksu_iov){.base = ip, .bytes = ip_bytes + 13};
    c->piece[1] = (aksu_iov){.base = tcp + 13, .bytes = 7};
    c->piece[2] = (aksu_iov){.base = tcp + 20, .bytes = payload_bytes};
    c->frame = (aksu_frame){.checksum = AKSU_CHECKSUM_PARTIAL,
                            .checksum_start = (uint16_t)ip_bytes,
                            .checksum_offset = 16,
                            .total_bytes = total,
                            .iov = c->piece,
                            .iov_count = 3};
    return &c->frame;
}

static void capture_open(struct capture *c, ak_pcapng_options options) {
    *c = (struct capture){.memory = {.limit_bytes = 1u << 20}};
    ak_writer writer = ak_writer_memory(&c->memory);
    c->pcapng = ak_pcapng_open(&writer, &options);
    assert_non_null(c->pcapng);
}

static void capture_close(struct capture *c) {
    ak_pcapng_close(c->pcapng);
    ak_memory_free(&c->memory);
}

static void capture_play(struct capture *c) {
    struct feed f = feed_make(to_pcapng, c, &c->now_us);
    feed_state(&f, AK_TCP_SYN_SENT, AKSU_STATE_BY_CALL, AKSU_REASON_NONE);
    c->now_us = 1500000;
    feed_segment(&f, AKSU_OUT,
                 (struct seg){.flags = F_SYN, .frame = packet_make(c, &f.flow.local, &f.flow.remote, F_SYN, 0)});
    feed_segment(&f, AKSU_IN,
                 (struct seg){.flags = F_SYN | F_ACK,
                              .to = AK_TCP_ESTABLISHED,
                              .moves = true,
                              .frame = packet_make(c, &f.flow.remote, &f.flow.local, F_SYN | F_ACK, 0)});
    feed_segment(&f, AKSU_OUT,
                 (struct seg){.flags = F_ACK, .frame = packet_make(c, &f.flow.local, &f.flow.remote, F_ACK, 0)});
    struct feed six = f;
    six.host = 1;
    assert_int_equal(aksu_addr_parse("2001:db8::1", &six.flow.local), AKSU_OK);
    assert_int_equal(aksu_addr_parse("2001:db8::2", &six.flow.remote), AKSU_OK);
    feed_segment(&six, AKSU_OUT,
                 (struct seg){.flags = F_ACK,
                              .bytes = 999,
                              .again = true,
                              .cause = AKSU_SEND_RTO_CAUSE,
                              .frame = packet_make(c, &six.flow.local, &six.flow.remote, F_ACK, 999)});
    feed_segment(&six, AKSU_IN,
                 (struct seg){.flags = F_RST,
                              .drop = AKSU_DROP_TCP_RST_OUTSIDE,
                              .frame = packet_make(c, &six.flow.remote, &six.flow.local, F_RST, 0)});
}

static void packets_read_by_tshark_comments_and_checksums_good(void **state) {
    (void)state;
    need_program("tshark");
    struct capture c;
    capture_open(&c, (ak_pcapng_options){.epoch_us = 1700000000000000u, .interface_name = {"client"}});
    capture_play(&c);
    char out[4096];
    run_on(
        c.memory.text, c.memory.used_bytes,
        "tshark -r $1 -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE -T fields -E separator='|' "
        "-e frame.interface_name -e frame.time_epoch -e frame.packet_flags_direction -e tcp.checksum.status -e tcp.len "
        "-e frame.comment 2>&1 | grep -v 'Running as user'",
        out, sizeof out);
    assert_string_equal(out, "client|1700000001.500000000|0x00000002|1|0|CLOSED -> SYN-SENT (call)\n"
                             "client|1700000001.500000000|0x00000001|1|0|SYN-SENT -> ESTABLISHED\n"
                             "client|1700000001.500000000|0x00000002|1|0|\n"
                             "aksu1|1700000001.500000000|0x00000002|1|999|retransmission: retransmission timeout\n"
                             "aksu1|1700000001.500000000|0x00000001|1|0|dropped: RST outside the window\n");
    capture_close(&c);
}

static void snap_length_packets_cut_true_length_kept(void **state) {
    (void)state;
    need_program("tshark");
    struct capture c;
    capture_open(&c, (ak_pcapng_options){.snap_bytes = 64});
    capture_play(&c);
    char out[4096];
    run_on(c.memory.text, c.memory.used_bytes,
           "tshark -r $1 -T fields -e frame.cap_len -e frame.len 2>&1 | grep -v 'Running as user' | tail -2", out,
           sizeof out);
    assert_string_equal(out, "64\t1059\n60\t60\n");
    capture_close(&c);
}

static bool refuse(void *user, const void *bytes, size_t byte_count) {
    (void)bytes;
    size_t *room = user;
    if (byte_count > *room) return false;
    *room -= byte_count;
    return true;
}

static void writer_full_failure_told(void **state) {
    (void)state;
    size_t room = 10;
    ak_writer writer = {.write = refuse, .user = &room};
    assert_null(ak_pcapng_open(&writer, &(ak_pcapng_options){0}));
    struct capture c = {.memory = {.limit_bytes = 1}};
    room = 60;
    c.pcapng = ak_pcapng_open(&writer, &(ak_pcapng_options){0});
    assert_non_null(c.pcapng);
    aksu_addr a = aksu_addr_v4(10, 0, 0, 1), b = aksu_addr_v4(10, 0, 0, 2);
    aksu_trace_event e = {.kind = AKSU_TRACE_SEGMENT};
    e.u.segment.frame = packet_make(&c, &a, &b, F_SYN, 0);
    assert_false(ak_pcapng_event(c.pcapng, 0, &e));
    assert_false(ak_pcapng_event(c.pcapng, AK_PCAPNG_INTERFACE_MAX, &e));
    capture_close(&c);
}

/* ---- table */

static void connections_columns_aligned(void **state) {
    (void)state;
    aksu_tcp_info infos[3] = {
        {.state = AK_TCP_LISTEN,
         .local = {.port = 80},
         .backlog = 128,
         .accept_count = 2,
         .syn_count = 1,
         .timer_us = UINT64_MAX,
         .held_bytes = 96},
        {.state = AK_TCP_ESTABLISHED,
         .rcv_queued_bytes = 1460,
         .snd_queued_bytes = 65160,
         .snd_wscale = 7,
         .rcv_wscale = 8,
         .timestamps = true,
         .sack = true,
         .rto_us = 201000,
         .srtt_us = 1500,
         .rttvar_us = 300,
         .min_rtt_us = 900,
         .snd_mss = 1448,
         .rcv_mss = 1448,
         .path_mtu = 1500,
         .cwnd_bytes = 14480,
         .ssthresh_bytes = UINT32_MAX,
         .snd_wnd = 65536,
         .rcv_wnd = 262144,
         .snd_unacked_bytes = 14480,
         .retransmit_count = 1,
         .retransmitted_segments = 3,
         .bytes_sent = 1000000,
         .bytes_acked = 985520,
         .bytes_received = 77,
         .timer_us = 180000,
         .timer = "rto",
         .held_bytes = 90112},
        {.state = AK_TCP_TIME_WAIT, .timer_us = 59000000, .timer = "2msl", .held_bytes = 64},
    };
    infos[1].local = (aksu_endpoint){.addr = aksu_addr_v4(10, 0, 0, 1), .port = 80};
    infos[1].remote = (aksu_endpoint){.addr = aksu_addr_v4(10, 0, 0, 2), .port = 40000};
    assert_int_equal(aksu_addr_parse("2001:db8::1", &infos[2].local.addr), AKSU_OK);
    assert_int_equal(aksu_addr_parse("2001:db8::2", &infos[2].remote.addr), AKSU_OK);
    infos[2].local.port = 80;
    infos[2].remote.port = 65535;
    ak_memory memory = {.limit_bytes = 1u << 20};
    ak_writer writer = ak_writer_memory(&memory);
    assert_true(ak_table_write(&writer, infos, 3, AK_TABLE_BRIEF));
    assert_string_equal(memory.text,
                        "State        Recv-Q  Send-Q  Local             Peer                 Timer\n"
                        "LISTEN            2     128  *:80              *:*                  -\n"
                        "ESTABLISHED    1460   65160  10.0.0.1:80       10.0.0.2:40000       rto 180 ms\n"
                        "TIME-WAIT         0       0  [2001:db8::1]:80  [2001:db8::2]:65535  2msl 59.0 s\n");
    memory.used_bytes = 0;
    assert_true(ak_table_write(&writer, &infos[1], 1, AK_TABLE_DETAILS));
    assert_non_null(strstr(memory.text,
                           "\n    wscale:7,8 ts sack rto:201ms srtt:1.50ms rttvar:300us minrtt:900us mss:1448 "
                           "rcvmss:1448 pmtu:1500 cwnd:14480 sndwnd:65536 rcvwnd:262144 unacked:14480 "
                           "retrans:1/3 bytes_sent:1000000 bytes_acked:985520 bytes_received:77 held:90112\n"));
    ak_memory_free(&memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_extreme_values_valid_json),
        cmocka_unit_test(segment_names_and_relative_numbers_told),
        cmocka_unit_test(packets_read_by_tshark_comments_and_checksums_good),
        cmocka_unit_test(snap_length_packets_cut_true_length_kept),
        cmocka_unit_test(writer_full_failure_told),
        cmocka_unit_test(connections_columns_aligned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
