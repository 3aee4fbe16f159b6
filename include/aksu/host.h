/* aksu on Linux: drivers, the in-memory pipe, and an event loop around the core (aksu.h).
 *
 * The core does no I/O; everything here does nothing but I/O.  The parts, from below:
 *
 *   clock, entropy, arena   what a stack needs from the machine before it can start
 *   driver                  what moves frames to and from a descriptor; aksu_tun is one, an application may add its own
 *   pipe                    two stacks joined in memory, in virtual time or real time, with a filter for each frame
 *   loop                    epoll, timerfd and signalfd around one stack, its links and the application's descriptors
 *   host                    all of it in one call: arena, stack, TUN device, addresses, routes, loop
 *
 * Calls that can fail return 0, or a negative errno value; the last argument, which may be NULL, then gets one line
 * of text for the user.  Objects are opaque, made by _open and released by _close (NULL is allowed there).  Memory is
 * allocated by _open, _add_link, _watch and _signal only.  One thread for each loop or pipe. */
#ifndef AKSU_HOST_H
#define AKSU_HOST_H

#include "aksu.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- errors */

#define AKSU_HOST_ERROR_TEXT_BYTES 240
typedef struct aksu_host_error {
    int code;                              /* an errno value */
    char text[AKSU_HOST_ERROR_TEXT_BYTES]; /* one line without a newline: what failed, and what to do about it */
} aksu_host_error;

/* Fills *ret_error (NULL is allowed) as printf would and returns -code.  A text that is too long is cut. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
int aksu_host_error_set(aksu_host_error *ret_error, int code, const char *format, ...);

/* ---------------------------------------------------------------- clock, entropy, arena */

/* CLOCK_MONOTONIC in microseconds. */
uint64_t aksu_host_now_us(void);

/* Fills buf with unpredictable bytes from getrandom(2); waits for the kernel's pool after boot. */
int aksu_host_entropy(void *buf, size_t bytes, aksu_host_error *ret_error);

/* Zero-filled memory of which only touched pages cost anything: mmap without reservation. */
typedef struct aksu_arena {
    void *mem;
    size_t bytes;
} aksu_arena;

typedef enum aksu_arena_pages {
    AKSU_ARENA_SMALL_PAGES = 0, /* the default: untouched parts cost nothing */
    AKSU_ARENA_HUGE_PAGES = 1,  /* ask for 2 MiB pages: fewer TLB misses, and up to 2 MiB for each byte touched */
} aksu_arena_pages;

/* Maps bytes, rounded up to whole pages.  The caller unmaps.  -ENOMEM. */
int aksu_arena_map(size_t bytes, aksu_arena_pages pages, aksu_arena *ret_arena, aksu_host_error *ret_error);
void aksu_arena_unmap(aksu_arena *arena); /* and clears *arena; nothing if it is clear */

/* A stack in an arena of its own.  An entropy of all zeros in the config is replaced by getrandom's; the config itself
 * is not changed.  The stack lives until aksu_arena_unmap.  -EINVAL: the config is out of range, and the text says
 * which field; -ENOMEM. */
int aksu_host_stack(const aksu_config *config, aksu_arena_pages pages, aksu_arena *ret_arena, aksu_stack **ret_stack,
                    aksu_host_error *ret_error);

/* ---------------------------------------------------------------- drivers */

typedef struct aksu_driver_counters {
    uint64_t frames_in, frames_out, bytes_in, bytes_out; /* super-segments count as one frame; bytes of IP packets */
    uint64_t reads, writes;                              /* system calls, including those that found nothing */
    uint64_t write_waits;                                /* the descriptor would not take a frame now */
    uint64_t write_drops;                                /* the descriptor refused a frame: it is lost */
    uint64_t read_drops;                                 /* a packet that could not be read or understood: it is lost */
    uint64_t read_lost; /* packets that the kernel had no room for, as far as it counts them: by aksu_driver_count */
} aksu_driver_counters;

typedef struct aksu_driver aksu_driver;

/* What a loop needs of a driver.  An implementation puts an aksu_driver at the beginning of its own structure. */
typedef struct aksu_driver_ops {
    const char *name;

    /* Reads up to cap frames without waiting, returns how many; 0: none now.  Fields link and time_us are left to the
     * caller.  Frames and bytes are lent until the next read or read_done. */
    size_t (*read)(aksu_driver *driver, aksu_frame *ret_frames, size_t cap);
    void (*read_done)(aksu_driver *driver); /* what was read is not used any more; NULL: it does not matter when */

    /* Writes frames in order without waiting and returns how many were taken.  What was taken is finished: its bytes
     * are not used after the return.  A frame that can never be written is taken, dropped and counted.  Fewer than
     * count: the descriptor is full; call again with the rest when it is writable. */
    size_t (*write)(aksu_driver *driver, const aksu_frame *frames, size_t count);

    /* Fills MTU and offload flags for aksu_link_add. */
    void (*link_config)(const aksu_driver *driver, aksu_link_config *ret_config);

    void (*count)(aksu_driver *driver); /* see aksu_driver_count; NULL: the kernel counts nothing */
    void (*close)(aksu_driver *driver);
} aksu_driver_ops;

struct aksu_driver {
    const aksu_driver_ops *ops;
    const char *device; /* its name in the kernel; "": it has none */
    int fd;             /* readable: read has something; writable: write takes something.  Non-blocking */
    int error;          /* not 0: an errno value; the descriptor is of no more use, its device is gone */
    aksu_driver_counters counters;
};

/* Brings the counters up to date that the kernel keeps. */
void aksu_driver_count(aksu_driver *driver);

/* Closes any driver through its ops.  NULL is allowed. */
void aksu_driver_close(aksu_driver *driver);

/* ---------------------------------------------------------------- TUN */

enum {
    AKSU_TUN_EXISTING = 1u << 0,   /* the named device must exist already (one made persistent for this user) */
    AKSU_TUN_CONFIGURED = 1u << 1, /* leave address, MTU and up/down as they are: someone else sets them */
    AKSU_TUN_NO_OFFLOAD = 1u << 2, /* one packet of at most MTU bytes for each system call, checksums complete */
    AKSU_TUN_ETHERNET = 1u << 3,   /* TAP: Ethernet frames; the kernel is one of the hosts on the segment */
};

#define AKSU_TUN_NAME_BYTES 16 /* with the final NUL */

/* An address with its network.  An unspecified one is none. */
typedef struct aksu_host_addr {
    aksu_addr addr;
    uint8_t prefix_bits; /* of the address's own family */
} aksu_host_addr;

#define AKSU_HOST_ADDRS 8 /* of both families, in any order */

/* What a driver of Ethernet frames is told; the rest of aksu_link_config is the device's. */
typedef struct aksu_ether_config {
    aksu_mac mac;       /* all zero: made from the machine and the device's name, the same each time */
    uint16_t vlan;      /* 0: none; with one there are no super-segments */
    uint8_t dad_probes; /* 1: see aksu_link_config */
    uint8_t autoconf;   /* aksu_autoconf */
} aksu_ether_config;

/* The kernel is the peer at the other end of a TUN device: host_addr are the addresses it gets there. */
typedef struct aksu_tun_config {
    uint32_t struct_bytes; /* sizeof(aksu_tun_config): set by aksu_tun_config_default */
    uint32_t flags;        /* AKSU_TUN_ */
    const char *name;      /* NULL or "": the lowest free aksu0, aksu1, ... */
    uint32_t mtu;          /* 576 to 65535; 1280 at least with an IPv6 address (RFC 8200 s5) */
    uint32_t batch_frames; /* packets read at one time, 1 to 256; each has a 64 KiB buffer */
    aksu_host_addr host_addr[AKSU_HOST_ADDRS];
    aksu_ether_config ether; /* with AKSU_TUN_ETHERNET */
} aksu_tun_config;

/* 192.0.2.1/24 for the kernel, MTU 1500, a free name, offloads on, one question before an address is used. */
void aksu_tun_config_default(aksu_tun_config *ret_config);

/* Opens a TUN device, making it if there is none of that name, sets address and MTU, and brings it up.  A device made
 * here is gone with its descriptor, however the process ends.  -EPERM, -EACCES: no permission; -ENOENT: no
 * /dev/net/tun; -ENODEV: AKSU_TUN_EXISTING and there is none; -EBUSY: another process has it; -EINVAL: the name or
 * another field; -EEXIST: the name is not a TUN device's. */
int aksu_tun_open(const aksu_tun_config *config, aksu_driver **ret_driver, aksu_host_error *ret_error);

/* The device's name, and its index in the kernel; valid as long as the driver.  The driver must be a TUN or TAP
 * device's. */
const char *aksu_tun_name(const aksu_driver *driver);
unsigned aksu_tun_index(const aksu_driver *driver);

/* ---------------------------------------------------------------- packet socket */

/* Frames of the wire's size may pass through memory that is shared with the kernel, 8 MiB, instead of by a system call
 * each. */
typedef enum aksu_packet_rings {
    AKSU_PACKET_RINGS_AUTO = 0, /* if the kernel has them */
    AKSU_PACKET_RINGS_ON = 1,   /* opening fails without */
    AKSU_PACKET_RINGS_OFF = 2,
} aksu_packet_rings;

/* A host of its own on the network of one of the kernel's Ethernet devices, beside the kernel: an AF_PACKET socket. The
 * device is set to take in all frames, since ours bear an address of our own; the kernel of this machine and we do not
 * see each other there. */
typedef struct aksu_packet_config {
    uint32_t struct_bytes; /* sizeof(aksu_packet_config): set by aksu_packet_config_default */
    const char *name;      /* of the device, which is there and up */
    uint32_t mtu;          /* 0: the device's; no more than that */
    uint32_t batch_frames; /* as in aksu_tun_config */
    bool no_offload;       /* no super-segments, checksums complete */
    aksu_packet_rings rings;
    aksu_ether_config ether;
} aksu_packet_config;

void aksu_packet_config_default(aksu_packet_config *ret_config);

/* -EPERM: no permission (CAP_NET_RAW); -ENODEV: no such device; -EINVAL: it is no Ethernet device, or another field;
 * -ENETDOWN: it is down. */
int aksu_packet_open(const aksu_packet_config *config, aksu_driver **ret_driver, aksu_host_error *ret_error);

/* ---------------------------------------------------------------- pipe */

/* Two stacks joined in memory.  Frames that one lends are given to the other as they are: nothing is copied, checksums
 * that are PARTIAL stay so and are trusted, super-segments stay whole.  Only a frame that is delayed is copied.
 *
 * An end without a stack is a test's: on_frame gets what the other end sends, and aksu_pipe_inject sends.
 * With aksu_pipe_run time is virtual and jumps from deadline to deadline: hours take milliseconds. */
typedef struct aksu_pipe aksu_pipe;

typedef enum aksu_pipe_side {
    AKSU_PIPE_A = 0,
    AKSU_PIPE_B = 1,
} aksu_pipe_side;

static inline aksu_pipe_side aksu_pipe_other(aksu_pipe_side side) {
    return side == AKSU_PIPE_A ? AKSU_PIPE_B : AKSU_PIPE_A;
}

/* An event of the stack at one end.  The application may make any call on either stack, and aksu_pipe_stop. */
typedef void aksu_pipe_on_event(void *user, aksu_stack *stack, const aksu_event *event);

/* A frame that arrives at an end without a stack.  Borrowed for the call. */
typedef void aksu_pipe_on_frame(void *user, const aksu_frame *frame, uint64_t now_us);

typedef enum aksu_pipe_verdict {
    AKSU_PIPE_PASS, /* deliver; *delay_us, at first the pipe's own delay, may be changed */
    AKSU_PIPE_DROP, /* lose it */
} aksu_pipe_verdict;

/* Sees each frame as it leaves.  May look, drop and delay; must not change the frame nor call a stack. */
typedef aksu_pipe_verdict aksu_pipe_filter(void *user, aksu_pipe_side from, const aksu_frame *frame, uint64_t now_us,
                                           uint64_t *delay_us);

typedef struct aksu_pipe_end {
    aksu_stack *stack;   /* NULL: an end for a test */
    uint16_t link;       /* the stack's link that is the pipe; its frames to other links are dropped and counted */
    uint8_t output_sync; /* 1: the stack's config has output_sync; 0: frames are given back by aksu_output_done */
    aksu_pipe_on_event *on_event; /* NULL: events wait for the application, who calls aksu_next_event himself */
    aksu_pipe_on_frame *on_frame; /* without a stack; NULL: frames vanish */
    void *user;                   /* for on_event and on_frame */
} aksu_pipe_end;

typedef struct aksu_pipe_config {
    uint32_t struct_bytes; /* sizeof(aksu_pipe_config) */
    uint32_t delayed_max;  /* frames in the pipe at one time that have a delay, beyond which they are lost; 0: 1024 */
    uint64_t delay_us;     /* of every frame, one way */
    uint64_t start_us;     /* the virtual clock's start */
    aksu_pipe_end end[2];  /* by aksu_pipe_side */
    aksu_pipe_filter *filter; /* NULL: none */
    void *filter_user;
} aksu_pipe_config;

typedef struct aksu_pipe_counters {
    uint64_t frames[2], bytes[2]; /* delivered, by the sending side */
    uint64_t filtered[2];         /* dropped by the filter */
    uint64_t overflow[2];         /* dropped because delayed_max frames were in the pipe */
    uint64_t other_link[2];       /* sent to a link that is not the pipe */
    uint64_t copied[2];           /* frames that were copied because they had a delay */
} aksu_pipe_counters;

/* The stacks and what the config points to are the caller's and must outlive the pipe.  -EINVAL, -ENOMEM. */
int aksu_pipe_open(const aksu_pipe_config *config, aksu_pipe **ret_pipe, aksu_host_error *ret_error);
void aksu_pipe_close(aksu_pipe *pipe);

/* One exchange at now_us: what is due arrives, events are handled, each stack's output of one batch goes into the pipe
 * and, without delay, out of it.  Answers whether anything moved: call until it answers false, then sleep until
 * aksu_pipe_deadline_us.  For bench and other loops; now_us may be real time. */
bool aksu_pipe_turn(aksu_pipe *pipe, uint64_t now_us);

/* When aksu_pipe_turn must be called next; UINT64_MAX: not before a call or an injection. */
uint64_t aksu_pipe_deadline_us(const aksu_pipe *pipe);

/* Runs in virtual time up to until_us, jumping from deadline to deadline, and answers the virtual time reached:
 * until_us, or earlier after aksu_pipe_stop.  UINT64_MAX: until both stacks and the pipe are quiet with no deadline at
 * all; the clock then stands at what happened last. */
uint64_t aksu_pipe_run(aksu_pipe *pipe, uint64_t until_us);

/* The same by CLOCK_MONOTONIC (start_us should be aksu_host_now_us then), sleeping between deadlines.  Returns
 * early when all is quiet with no deadline, because nothing could end the sleep. */
uint64_t aksu_pipe_run_clock(aksu_pipe *pipe, uint64_t until_us);

/* Makes run return after the exchange under way; from a handler or a filter. */
void aksu_pipe_stop(aksu_pipe *pipe);

uint64_t aksu_pipe_now_us(const aksu_pipe *pipe);
void aksu_pipe_counters_get(const aksu_pipe *pipe, aksu_pipe_counters *ret_counters);

/* Sends a frame as if the end without a stack had done so, now; it goes through filter and delay, and is copied if
 * there is one.  Without delay the other stack has it on return.  The frame's link and token are ignored.  From
 * on_event and on_frame too, not from a filter. */
void aksu_pipe_inject(aksu_pipe *pipe, aksu_pipe_side from, const aksu_frame *frame);

/* ---------------------------------------------------------------- loop */

typedef struct aksu_loop aksu_loop;

/* An event of the stack.  May make any call on the stack and the loop. */
typedef void aksu_loop_on_event(void *user, aksu_stack *stack, const aksu_event *event);

/* Once for each turn, after input and events and before output: work that belongs to no event. */
typedef void aksu_loop_on_turn(void *user, aksu_stack *stack, uint64_t now_us);

typedef struct aksu_loop_config {
    uint32_t struct_bytes;        /* sizeof(aksu_loop_config) */
    uint32_t busy_poll_us;        /* go on looking for packets so long before sleeping; 0: sleep at once */
    aksu_stack *stack;            /* the caller's; must outlive the loop */
    uint32_t output_sync;         /* as in the stack's config */
    uint32_t frame_max;           /* as in the stack's config */
    aksu_loop_on_event *on_event; /* NULL: events are left to the application */
    aksu_loop_on_turn *on_turn;   /* NULL: none */
    void *user;                   /* for both */
} aksu_loop_config;

int aksu_loop_open(const aksu_loop_config *config, aksu_loop **ret_loop, aksu_host_error *ret_error);

/* Also ends all watches and gives signals back as they were.  Drivers, stack and watched descriptors stay the
 * caller's.  Not from a handler. */
void aksu_loop_close(aksu_loop *loop);

/* Joins a driver and a link of the stack.  The driver stays the caller's and must outlive the loop or be removed.
 * With output_sync a link that takes no more frames holds up all others; without it, only itself.
 * A driver whose device is gone is removed and its link taken down; the turn says -ENODEV once.
 * -EEXIST: the link has a driver; -ENOMEM, -ENOSPC: epoll will take no more. */
int aksu_loop_add_link(aksu_loop *loop, aksu_driver *driver, uint16_t link, aksu_host_error *ret_error);
int aksu_loop_remove_link(aksu_loop *loop, uint16_t link); /* what waited for it is dropped.  -ENOENT */

enum {
    AKSU_WATCH_READ = 1u << 0,
    AKSU_WATCH_WRITE = 1u << 1,
    AKSU_WATCH_HANGUP = 1u << 2, /* reported, never asked for: the other side is gone, or the descriptor has an error */
};

/* A watched descriptor is ready; ready has AKSU_WATCH_ bits.  Called again while it stays so. */
typedef void aksu_loop_on_ready(void *user, int fd, unsigned ready);

typedef struct aksu_watch aksu_watch; /* owned by the loop */

typedef struct aksu_watch_config {
    int fd;
    unsigned interest; /* AKSU_WATCH_READ, _WRITE, both, or 0: nothing is reported, not even a hang-up */
    aksu_loop_on_ready *on_ready;
    void *user;
} aksu_watch_config;

/* Watches a descriptor of the application, who keeps it and must unwatch before closing it.  Regular files are always
 * ready and are watched too.  -EEXIST: it is being watched; -EBADF; -ENOMEM. */
int aksu_loop_watch(aksu_loop *loop, const aksu_watch_config *config, aksu_watch **ret_watch,
                    aksu_host_error *ret_error);
void aksu_loop_rewatch(aksu_loop *loop, aksu_watch *watch, unsigned interest); /* changes the interest */
void aksu_loop_unwatch(aksu_loop *loop, aksu_watch *watch); /* from any handler, its own too; NULL is allowed */

/* A signal, taken through signalfd in a turn of the loop and not as an interruption.  The signal is blocked in this
 * thread until aksu_loop_close; block it before starting other threads.  A second call for a signal replaces the
 * first.  -EINVAL: SIGKILL, SIGSTOP or no signal. */
typedef void aksu_loop_on_signal(void *user, int signal_number);
int aksu_loop_signal(aksu_loop *loop, int signal_number, aksu_loop_on_signal *on_signal, void *user,
                     aksu_host_error *ret_error);

/* The application's own timer: one for each loop, which fires once at or after at_us on aksu_host_now_us's clock.
 * Setting it again replaces it; UINT64_MAX: off. */
typedef void aksu_loop_on_alarm(void *user, uint64_t now_us);
void aksu_loop_alarm(aksu_loop *loop, uint64_t at_us, aksu_loop_on_alarm *on_alarm, void *user);

/* Turns until aksu_loop_stop.  0, or -errno if epoll fails. */
int aksu_loop_run(aksu_loop *loop, aksu_host_error *ret_error);

/* One turn: sleeps until something happens, a deadline, or wait_us (0: not at all; UINT64_MAX: no limit), then
 * advances, reads, handles events, calls on_turn and writes.  For an application with a loop of its own:
 * aksu_loop_fd is readable when a turn has work. */
int aksu_loop_turn(aksu_loop *loop, uint64_t wait_us, aksu_host_error *ret_error);
int aksu_loop_fd(const aksu_loop *loop);

void aksu_loop_stop(aksu_loop *loop);             /* run returns after this turn; from any handler */
uint64_t aksu_loop_now_us(const aksu_loop *loop); /* the time of this turn */
aksu_stack *aksu_loop_stack(const aksu_loop *loop);

/* ---------------------------------------------------------------- host: all in one call */

typedef enum aksu_host_device {
    AKSU_HOST_TUN = 0,    /* or TAP, as tun.flags say */
    AKSU_HOST_PACKET = 1, /* a packet socket: of tun, name, mtu (0: the device's), batch_frames, AKSU_TUN_NO_OFFLOAD and
                             ether count */
} aksu_host_device;

/* A stack behind a device.  The kernel has tun.host_addr, the stack has addr; no address can be both. */
typedef struct aksu_host_config {
    uint32_t struct_bytes; /* sizeof(aksu_host_config): set by aksu_host_config_default */
    uint32_t busy_poll_us; /* see aksu_loop_config */
    aksu_config stack;     /* entropy all zeros: from getrandom */
    aksu_arena_pages arena_pages;
    aksu_host_device device;
    aksu_packet_rings rings; /* with AKSU_HOST_PACKET */
    aksu_tun_config tun;
    aksu_host_addr addr[AKSU_HOST_ADDRS];
    uint32_t route_count;     /* 0: a default route of each family by the kernel, if it has an address, who forwards if
                                 told to */
    const aksu_route *routes; /* borrowed for the call; field link is set here */
    aksu_loop_on_event *on_event;
    aksu_loop_on_turn *on_turn;
    void *user;
} aksu_host_config;

typedef struct aksu_host {
    aksu_stack *stack;
    aksu_loop *loop;
    aksu_driver *driver;
    aksu_arena arena;
    uint16_t link;
} aksu_host;

/* The kernel 192.0.2.1/24, we 192.0.2.2/24, the defaults of aksu_config and aksu_tun_config, synchronous output; blocks
 * for 256 MiB, and buffers that tune themselves to long paths up to 32 MiB each and 128 MiB together. */
void aksu_host_config_default(aksu_host_config *ret_config);

/* Makes all of it; on failure nothing stays behind.  Errors as of the parts. */
int aksu_host_open(const aksu_host_config *config, aksu_host *ret_host, aksu_host_error *ret_error);
void aksu_host_close(aksu_host *host); /* and clears *host; connections that are open are dropped without a word */

#ifdef __cplusplus
}
#endif

#endif /* AKSU_HOST_H */
