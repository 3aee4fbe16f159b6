/* Frames that a driver has not given back: their bytes stay, and what is still with the driver is not sent again. */
#include "tcp_world.h"

enum { TEXT_BYTES = 1000 };

struct joined {
    struct tcp_world *w;
    aksu_sock sock[2];
};

static struct joined join(uint32_t frame_max) {
    aksu_config config = world_config();
    config.output_sync = 0;
    config.frame_max = frame_max;
    config.tcp.sack = 0;
    struct joined j = {.w = world_open(&config)};
    aksu_sock listener = world_listen(j.w, 4, 0);
    j.sock[CLIENT] = world_connect(j.w);
    for (int i = 0; i < 4; i++) {
        for (int side = 0; side < 2; side++) {
            aksu_frame frames[4];
            size_t count = aksu_output(j.w->stack[side], j.w->now_us, frames, 4);
            for (size_t k = 0; k < count; k++) {
                uint32_t token = frames[k].token;
                frames[k].link = 0;
                aksu_input(j.w->stack[!side], j.w->now_us, &frames[k], 1);
                aksu_output_done(j.w->stack[side], token);
            }
        }
    }
    assert_int_equal(aksu_tcp_accept(j.w->stack[SERVER], listener, &j.sock[SERVER]), AKSU_OK);
    return j;
}

static void send_text(const struct joined *j, uint8_t byte) {
    uint8_t text[TEXT_BYTES];
    size_t bytes;
    memset(text, byte, sizeof text);
    assert_int_equal(aksu_tcp_send(j->w->stack[CLIENT], j->sock[CLIENT], text, sizeof text, 0, &bytes), AKSU_OK);
    assert_int_equal(bytes, sizeof text);
}

static size_t output_at(const struct joined *j, uint64_t later_us, aksu_frame *ret_frame) {
    j->w->now_us += later_us;
    return aksu_output(j->w->stack[CLIENT], j->w->now_us, ret_frame, 1);
}

/* RFC 6298's timer fires while the driver still holds the segment: sent again only once it has been given back. */
static void segment_still_with_the_driver_is_not_sent_again(void **state) {
    (void)state;
    struct joined j = join(16);
    send_text(&j, 'a');
    aksu_frame first, again;
    assert_int_equal(output_at(&j, 0, &first), 1);
    for (int i = 0; i < 10; i++) assert_int_equal(output_at(&j, 1000000, &again), 0);
    aksu_output_done(j.w->stack[CLIENT], first.token);
    assert_true(aksu_deadline_us(j.w->stack[CLIENT]) <= j.w->now_us);
    assert_int_equal(output_at(&j, 0, &again), 1);
    assert_int_equal(again.total_bytes, first.total_bytes);
    world_close(j.w);
}

/* Acknowledged, its bytes leave the queue and not the frame; reset, neither. */
static void lent_bytes_stay_whatever_happens(void **state) {
    (void)state;
    struct joined j = join(16);
    send_text(&j, 'a');
    aksu_frame frame;
    assert_int_equal(output_at(&j, 0, &frame), 1);
    assert_int_equal(aksu_tcp_abort(j.w->stack[CLIENT], j.sock[CLIENT]), AKSU_OK);
    struct joined other = {.w = j.w, .sock = {world_connect(j.w)}};
    send_text(&other, 'b');
    uint32_t seen = 0;
    for (uint32_t i = 1; i < frame.iov_count; i++) {
        const uint8_t *text = frame.iov[i].base;
        for (size_t k = 0; k < frame.iov[i].bytes; k++) seen += text[k] == 'a';
    }
    assert_int_equal(seen, TEXT_BYTES);
    aksu_output_done(j.w->stack[CLIENT], frame.token);
    aksu_output_done(j.w->stack[CLIENT], frame.token); /* twice: counted, and nothing else */
    aksu_counters counters;
    aksu_counters_get(j.w->stack[CLIENT], &counters);
    assert_int_equal(counters.output_token_unknown, 1);
    world_close(j.w);
}

/* With every frame lent, nothing goes and no deadline presses; one given back, the next goes. */
static void frames_all_lent_waits_for_the_driver(void **state) {
    (void)state;
    struct joined j = join(2);
    for (int i = 0; i < 5; i++) send_text(&j, 'a');
    aksu_frame frame[2], more;
    assert_int_equal(output_at(&j, 0, &frame[0]), 1);
    assert_int_equal(output_at(&j, 0, &frame[1]), 1);
    assert_int_equal(output_at(&j, 0, &more), 0);
    assert_true(aksu_deadline_us(j.w->stack[CLIENT]) > j.w->now_us);
    aksu_output_done(j.w->stack[CLIENT], frame[1].token);
    assert_true(aksu_deadline_us(j.w->stack[CLIENT]) <= j.w->now_us);
    assert_int_equal(output_at(&j, 0, &more), 1);
    world_close(j.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segment_still_with_the_driver_is_not_sent_again),
        cmocka_unit_test(lent_bytes_stay_whatever_happens),
        cmocka_unit_test(frames_all_lent_waits_for_the_driver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
