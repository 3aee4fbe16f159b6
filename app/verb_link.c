/* aksu link: two TUN devices, in one network namespace or two, joined by the simulator's link in real time.
 *
 * What comes out of one device enters the link at the moment at which it was read, and leaves by the other when its
 * time has come.  The simulator's clock is the machine's: it is run up to now before each packet enters.  Devices have
 * no offloads, so a packet is one of the wire and is lost, delayed and marked as one. */
#include "app/link.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/app.h"

enum { END_A, END_B, BATCH = 64 };

struct end {
    char device[AKSU_TUN_NAME_BYTES];
    const char *space; /* NULL: this one */
    aksu_host_addr addr[AKSU_HOST_ADDRS];
    struct link_run *run;
    aksu_driver *driver;
    uint32_t node;
    uint64_t refused; /* packets that the device did not take */
};

struct link_run {
    struct end end[2];
    link_state state;
    aksu_sim *sim;
    uint32_t link;
    uint64_t seed, start_us;
    uint64_t lost[AKSU_SIM_LOSS_COUNT];
    int control, signals;
    struct sockaddr_un control_name;
    bool quiet, over;
};

/* ---------------------------------------------------------------- packets */

static uint64_t now_us(const struct link_run *r) {
    return aksu_host_now_us() - r->start_us;
}

/* The link's other end: out by the device. */
static void on_arrival(void *user, uint64_t at_us, uint64_t packet, const uint8_t *bytes, size_t byte_count) {
    struct end *end = user;
    (void)at_us;
    (void)packet;
    aksu_iov iov = {.base = (void *)(uintptr_t)bytes, .bytes = byte_count};
    aksu_frame frame = {.flags = bytes[0] >> 4 == 6 ? AKSU_FRAME_V6 : AKSU_FRAME_V4,
                        .total_bytes = (uint32_t)byte_count,
                        .iov_count = 1,
                        .iov = &iov};
    if (end->driver->ops->write(end->driver, &frame, 1) == 0) end->refused++;
}

static void on_lost(void *user, uint64_t packet, aksu_sim_loss why) {
    struct link_run *r = user;
    (void)packet;
    r->lost[why]++;
}

static void read_end(struct link_run *r, struct end *end) {
    aksu_frame frames[BATCH];
    size_t count = end->driver->ops->read(end->driver, frames, BATCH);
    (void)aksu_sim_run(r->sim, now_us(r));
    for (size_t i = 0; i < count; i++) {
        uint64_t packet;
        const aksu_iov *iov = frames[i].iov; /* one: a device without offloads reads whole packets */
        (void)aksu_sim_forward(r->sim, r->link, end->node, iov->base, iov->bytes, &packet);
    }
}

static void apply(struct link_run *r) {
    for (size_t i = 0; i < 2; i++) aksu_sim_path_set(r->sim, r->link, r->end[i].node, &r->state.path[i]);
    aksu_sim_link_mtu(r->sim, r->link, r->state.mtu, AKSU_SIM_TELL_NOBODY);
    if (r->state.cut)
        aksu_sim_link_cut(r->sim, r->link);
    else
        aksu_sim_link_mend(r->sim, r->link);
}

/* ---------------------------------------------------------------- what it tells, and is told */

static void write_statistics(FILE *out, const struct link_run *r) {
    for (size_t i = 0; i < 2; i++) {
        aksu_sim_path_stats s;
        aksu_sim_path_stats_get(r->sim, r->link, r->end[i].node, &s);
        (void)fprintf(out,
                      "%s > %s: %llu packets of %llu bytes, %llu delivered, %llu lost, %llu marked, %llu duplicated, "
                      "held %llu bytes, queue %u bytes, at most %u\n",
                      r->end[i].device, r->end[1 - i].device, (unsigned long long)s.packets,
                      (unsigned long long)s.bytes, (unsigned long long)s.delivered, (unsigned long long)s.lost,
                      (unsigned long long)s.marked, (unsigned long long)s.duplicated, (unsigned long long)s.held_bytes,
                      s.queued_bytes, s.queued_bytes_max);
        if (r->end[i].refused > 0)
            (void)fprintf(out, "%s refused %llu packets\n", r->end[i].device, (unsigned long long)r->end[i].refused);
    }
    for (unsigned i = 0; i < AKSU_SIM_LOSS_COUNT; i++) {
        if (r->lost[i] == 0) continue;
        (void)fprintf(out, "lost %llu: %s\n", (unsigned long long)r->lost[i], aksu_sim_loss_text((aksu_sim_loss)i));
    }
}

/* "show", or "set" and words: all of them, or none. */
static void answer(struct link_run *r, char *request, FILE *out) {
    if (strncmp(request, "set ", 4) != 0) {
        link_words_write(out, &r->state);
        (void)fputc('\n', out);
        write_statistics(out, r);
        return;
    }
    link_state state = r->state;
    char why[LINK_WHY_BYTES], *rest = NULL;
    for (const char *word = strtok_r(request + 4, " \n", &rest); word != NULL; word = strtok_r(NULL, " \n", &rest)) {
        if (link_word(&state, word, why)) continue;
        (void)fprintf(out, "%s\n", why);
        return;
    }
    (void)aksu_sim_run(r->sim, now_us(r));
    r->state = state;
    apply(r);
}

static void on_client(struct link_run *r) {
    char request[1024];
    FILE *out = app_control_take(r->control, request, sizeof request);
    if (out == NULL) return;
    answer(r, request, out);
    (void)fclose(out);
}

/* ---------------------------------------------------------------- the loop */

static int turn(struct link_run *r) {
    uint64_t next_us = aksu_sim_next_us(r->sim), at_us = now_us(r);
    uint64_t wait_us = next_us > at_us ? next_us - at_us : 0;
    struct timespec wait = {.tv_sec = (time_t)(wait_us / 1000000), .tv_nsec = (long)(wait_us % 1000000) * 1000};
    struct pollfd fds[] = {{.fd = r->end[END_A].driver->fd, .events = POLLIN},
                           {.fd = r->end[END_B].driver->fd, .events = POLLIN},
                           {.fd = r->signals, .events = POLLIN},
                           {.fd = r->control, .events = POLLIN}};
    if (ppoll(fds, sizeof fds / sizeof fds[0], next_us == UINT64_MAX ? NULL : &wait, NULL) < 0 && errno != EINTR) {
        app_say("poll: %s", strerror(errno));
        return APP_NETWORK;
    }
    for (size_t i = 0; i < 2; i++) {
        if (fds[i].revents != 0) read_end(r, &r->end[i]);
        if (r->end[i].driver->error != 0) {
            app_say("the device %s is gone", r->end[i].device);
            return APP_NETWORK;
        }
    }
    (void)aksu_sim_run(r->sim, now_us(r));
    if (fds[2].revents != 0) r->over = true;
    if (fds[3].revents != 0) on_client(r);
    return APP_OK;
}

/* ---------------------------------------------------------------- ends */

/* The descriptor of a network namespace: of a name that ip netns knows, of a process, or of a file.  -1. */
static int open_space(const char *space) {
    char path[256];
    bool number = space[0] != '\0' && space[strspn(space, "0123456789")] == '\0';
    if (strchr(space, '/') != NULL)
        (void)snprintf(path, sizeof path, "%s", space);
    else if (number)
        (void)snprintf(path, sizeof path, "/proc/%s/ns/net", space);
    else
        (void)snprintf(path, sizeof path, "/run/netns/%s", space);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int open_device(const struct link_run *r, struct end *end) {
    aksu_tun_config config;
    aksu_host_error error;
    aksu_tun_config_default(&config);
    config.name = end->device;
    config.flags = AKSU_TUN_NO_OFFLOAD;
    config.mtu = r->state.mtu < 576 ? 576 : r->state.mtu;
    memcpy(config.host_addr, end->addr, sizeof config.host_addr);
    if (aksu_tun_open(&config, &end->driver, &error) < 0) {
        app_say("%s", error.text);
        return APP_USAGE;
    }
    (void)snprintf(end->device, sizeof end->device, "%s", aksu_tun_name(end->driver));
    return APP_OK;
}

/* Opens the device in its namespace, and comes back. */
static int open_end(const struct link_run *r, struct end *end) {
    if (end->space == NULL) return open_device(r, end);
    int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there = open_space(end->space);
    int status = APP_USAGE;
    if (here < 0 || there < 0 || setns(there, CLONE_NEWNET) != 0) {
        app_say("the network namespace '%s' cannot be entered: %s", end->space, strerror(errno));
    } else {
        status = open_device(r, end);
        if (setns(here, CLONE_NEWNET) != 0) {
            app_say("no way back from the network namespace '%s': %s", end->space, strerror(errno));
            status = APP_NETWORK;
        }
    }
    if (here >= 0) (void)close(here);
    if (there >= 0) (void)close(there);
    return status;
}

static bool same_space(const struct end *a, const struct end *b) {
    const char *const spaces[2] = {a->space, b->space};
    struct stat st[2];
    for (size_t i = 0; i < 2; i++) {
        int fd = spaces[i] != NULL ? open_space(spaces[i]) : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        bool known = fd >= 0 && fstat(fd, &st[i]) == 0;
        if (fd >= 0) (void)close(fd);
        if (!known) return false; /* opening it will say so */
    }
    return st[0].st_ino == st[1].st_ino && st[0].st_dev == st[1].st_dev;
}

/* ---------------------------------------------------------------- the command line */

static const char help_text[] =
    "usage: aksu link [OPTION...] A B [SETTING...]\n"
    "       aksu link --change A SETTING...\n"
    "       aksu link --show A\n\n"
    "Joins two TUN devices by a link with delay, loss, reordering and a rate, so that real kernels and programs can "
    "be\n"
    "put behind it.  A and B are DEVICE or DEVICE@NAMESPACE: a name of ip netns, a process' number, or a file.\n"
    "\noptions:\n"
    "  --a-address A/BITS   the kernel's address at A; once more for one of IPv6\n"
    "  --b-address A/BITS   the same at B\n"
    "  --seed N             of all chances (1)\n"
    "  --quiet              no statistics at the end\n"
    "  --change A WORDS     changes the running link whose first device is A\n"
    "  --show A             its settings and statistics\n"
    "\nsettings, for both directions, or for packets from one end with a: or b: before them:\n"
    "  delay=T jitter=T rate=R queue=N     0 means none, and for queue no limit (1500000 bytes)\n"
    "  held=N                              memory for what waits and is on its way, each direction; above it packets\n"
    "                                      are lost and counted; 0 means no limit (256M)\n"
    "  mark=N codel=T                      ECN marks at a queue of so much; RFC 8289 with this target\n"
    "  loss=P duplicate=P corrupt=P truncate=P reorder=P reorder-by=T\n"
    "  burst-enter=P burst-leave=P burst-loss=P   Gilbert-Elliott: chances for each packet\n"
    "  mtu=N cut=yes|no                    of the link as a whole\n"
    "  T: 50ms 100us 2s.  R: 10Mbit 56kbit.  N: 64K 1500.  P: 1% 0.01%\n"
    "\nexamples:\n"
    "  ip netns add far\n"
    "  aksu link near far@far --a-address 10.9.0.1/24 --b-address 10.9.0.2/24 rate=20Mbit delay=50ms loss=1%\n"
    "  ip netns exec far iperf3 -s &  iperf3 -c 10.9.0.2\n"
    "  aksu link --change near loss=5% a:delay=300ms\n"
    "  aksu link --show near\n";

enum { OPT_A = 256, OPT_B, OPT_SEED, OPT_QUIET, OPT_CHANGE, OPT_SHOW, OPT_HELP };
static const struct option long_options[] = {
    {"a-address", required_argument, NULL, OPT_A},   {"b-address", required_argument, NULL, OPT_B},
    {"seed", required_argument, NULL, OPT_SEED},     {"quiet", no_argument, NULL, OPT_QUIET},
    {"change", required_argument, NULL, OPT_CHANGE}, {"show", required_argument, NULL, OPT_SHOW},
    {"help", no_argument, NULL, OPT_HELP},           {NULL, 0, NULL, 0},
};

static bool parse_end(struct end *end, char *text) {
    char *at = strchr(text, '@');
    if (at != NULL) {
        *at = '\0';
        end->space = at + 1;
    }
    size_t bytes = strlen(text);
    if (bytes == 0 || bytes >= sizeof end->device || strchr(text, '=') != NULL) {
        app_say("'%s' does not name a device of at most 15 characters", text);
        return false;
    }
    memcpy(end->device, text, bytes + 1);
    return true;
}

/* A and B, then settings. */
static bool parse_rest(struct link_run *r, int count, char **words) {
    char why[LINK_WHY_BYTES];
    if (count < 2) {
        app_say("usage: aksu link [OPTION...] A B [SETTING...]");
        return false;
    }
    if (!parse_end(&r->end[END_A], words[0]) || !parse_end(&r->end[END_B], words[1])) return false;
    for (int i = 2; i < count; i++) {
        if (link_word(&r->state, words[i], why)) continue;
        app_say("%s", why);
        return false;
    }
    bool addresses = !aksu_addr_is_any(&r->end[END_A].addr[0].addr) && !aksu_addr_is_any(&r->end[END_B].addr[0].addr);
    if (addresses && same_space(&r->end[END_A], &r->end[END_B])) {
        app_say("both ends are in one network, where the kernel answers itself; put one elsewhere: %s@NAMESPACE",
                r->end[END_B].device);
        return false;
    }
    return true;
}

/* aksu link --change and --show: asks the one that runs. */
static int ask_running(const char *device, int count, char **words) {
    char request[1024] = "show", why[LINK_WHY_BYTES];
    size_t used = count > 0 ? (size_t)snprintf(request, sizeof request, "set") : 0;
    link_state state;
    link_state_default(&state);
    for (int i = 0; i < count; i++) {
        if (!link_word(&state, words[i], why)) {
            app_say("%s", why);
            return APP_USAGE;
        }
        size_t bytes = strlen(words[i]);
        if (used + bytes + 2 > sizeof request) {
            app_say("that is too much at once");
            return APP_USAGE;
        }
        request[used++] = ' ';
        memcpy(request + used, words[i], bytes + 1);
        used += bytes;
    }
    int fd = app_control_connect(device, "link");
    if (fd >= 0) return app_control_ask(fd, request);
    app_say("no link of this user's has the device '%s' at its end A", device);
    return APP_USAGE;
}

/* Where to end after the options, or -1 to go on. */
static int parse(struct link_run *r, int argc, char **argv) {
    const char *change = NULL, *show = NULL;
    opterr = 0;
    for (;;) {
        optopt = 0;
        int option = getopt_long(argc, argv, ":", long_options, NULL);
        if (option == -1) break;
        switch (option) {
        case OPT_A:
        case OPT_B:
            if (!app_address(option == OPT_A ? "--a-address" : "--b-address", optarg, r->end[option - OPT_A].addr))
                return APP_USAGE;
            break;
        case OPT_SEED:
            if (!app_number("--seed", optarg, 0, UINT64_MAX, &r->seed)) return APP_USAGE;
            break;
        case OPT_QUIET: r->quiet = true; break;
        case OPT_CHANGE: change = optarg; break;
        case OPT_SHOW: show = optarg; break;
        case OPT_HELP: (void)fputs(help_text, stdout); return APP_OK;
        case ':': app_say("%s needs a value; aksu link --help tells which", argv[optind - 1]); return APP_USAGE;
        default:
            app_say("'%s' is no option of aksu link; aksu link --help lists them", argv[optind - 1]);
            return APP_USAGE;
        }
    }
    int count = argc - optind;
    if (change != NULL && count == 0) {
        app_say("--change needs a setting, for example loss=1%%");
        return APP_USAGE;
    }
    if (change != NULL) return ask_running(change, count, argv + optind);
    if (show != NULL) return ask_running(show, 0, NULL);
    return parse_rest(r, count, argv + optind) ? -1 : APP_USAGE;
}

/* ---------------------------------------------------------------- all of it */

static bool open_sim(struct link_run *r) {
    aksu_sim_hooks hooks = {.user = r, .lost = on_lost};
    r->sim = aksu_sim_open(r->seed, &hooks);
    if (r->sim == NULL) return false;
    for (size_t i = 0; i < 2; i++) {
        aksu_sim_endpoint play = {.user = &r->end[i], .input = on_arrival};
        aksu_addr nobody = {{0}};
        if (aksu_sim_endpoint_add(r->sim, &nobody, &play, &r->end[i].node) != AKSU_OK) return false;
    }
    aksu_sim_link link = {.node = {r->end[END_A].node, r->end[END_B].node}, .mtu = r->state.mtu};
    if (aksu_sim_link_add(r->sim, &link, &r->link) != AKSU_OK) return false;
    apply(r);
    return true;
}

static bool open_signals(struct link_run *r) {
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return r->signals >= 0;
}

static void close_run(struct link_run *r) {
    for (size_t i = 0; i < 2; i++) aksu_driver_close(r->end[i].driver);
    aksu_sim_close(r->sim);
    if (r->signals >= 0) (void)close(r->signals);
    if (r->control < 0) return;
    (void)close(r->control);
    (void)unlink(r->control_name.sun_path);
}

int link_verb(int argc, char **argv) {
    static struct link_run run;
    struct link_run *r = &run;
    *r = (struct link_run){.seed = 1, .control = -1, .signals = -1};
    link_state_default(&r->state);
    int status = parse(r, argc, argv);
    if (status >= 0) return status;
    status = APP_OK;
    for (size_t i = 0; i < 2 && status == APP_OK; i++) status = open_end(r, &r->end[i]);
    if (status == APP_OK && (!open_sim(r) || !open_signals(r))) {
        app_say("no memory, or no descriptors");
        status = APP_NETWORK;
    }
    if (status == APP_OK) {
        r->start_us = aksu_host_now_us();
        r->control = app_control_listen(r->end[END_A].device, "link", &r->control_name);
        if (!r->quiet)
            (void)fprintf(stderr, "aksu: %s and %s are joined; aksu link --change %s SETTING... changes it\n",
                          r->end[END_A].device, r->end[END_B].device, r->end[END_A].device);
    }
    while (status == APP_OK && !r->over) status = turn(r);
    if (r->over && !r->quiet) write_statistics(stderr, r);
    close_run(r);
    return status;
}
