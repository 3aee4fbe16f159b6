/* Options of the command line, the same for all verbs; whatever is wrong is one line that says how to put it right. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"

void app_say(const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)fputs("aksu: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
}

bool app_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *ret_value) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < min || value > max) {
        app_say("%s '%s' is not a number from %llu to %llu", what, text, (unsigned long long)min,
                (unsigned long long)max);
        return false;
    }
    *ret_value = value;
    return true;
}

/* A setting's value; congestion controls have names too. */
static bool parse_value(const aksu_tcp_setting_info_t *info, aksu_tcp_setting setting, const char *text,
                        uint64_t *ret_value) {
    int index = setting == AKSU_TCP_CONGESTION_CONTROL ? aksu_cc_index(text) : -1;
    if (index < 0) return app_number(info->name, text, info->min, info->max, ret_value);
    *ret_value = (uint64_t)index;
    return true;
}

static bool parse_set(app_options *options, const char *text) {
    const char *equals = strchr(text, '=');
    for (unsigned i = 0; equals != NULL && i < AKSU_TCP_SETTING_COUNT; i++) {
        const aksu_tcp_setting_info_t *info = aksu_tcp_setting_info((aksu_tcp_setting)i);
        size_t bytes = (size_t)(equals - text);
        if (strlen(info->name) != bytes || memcmp(info->name, text, bytes) != 0) continue;
        uint64_t value;
        if (!parse_value(info, (aksu_tcp_setting)i, equals + 1, &value)) return false;
        uint64_t fields[AKSU_TCP_SETTING_COUNT]; /* all are uint64_t, in the order of the enum */
        _Static_assert(sizeof fields == sizeof options->host.stack.tcp, "no padding");
        memcpy(fields, &options->host.stack.tcp, sizeof fields);
        fields[i] = value;
        memcpy(&options->host.stack.tcp, fields, sizeof fields);
        return true;
    }
    app_say("--set '%s' names no setting; write NAME=VALUE, for example --set nagle=0", text);
    return false;
}

enum {
    OPT_DEV = 256,
    OPT_ADDRESS,
    OPT_HOST_ADDRESS,
    OPT_GATEWAY,
    OPT_MAC,
    OPT_VLAN,
    OPT_DAD,
    OPT_AUTOCONF,
    OPT_DHCP,
    OPT_MTU,
    OPT_TRACE,
    OPT_SVG,
    OPT_2MSL,
    OPT_SET,
    OPT_QUIET,
    OPT_HELP,
    OPT_SERVE, /* from here on: of serve alone */
    OPT_PORT = OPT_SERVE,
    OPT_WRITABLE,
    OPT_UPLOAD_MAX,
    OPT_IDLE_TIMEOUT,
    OPT_HEADER_TIMEOUT,
    OPT_TRANSFER_TIMEOUT,
    OPT_GRACE,
    OPT_UDP,  /* of connect and listen */
    OPT_WAIT, /* of these, and from here on of ping and trace-route */
    OPT_COUNT,
    OPT_INTERVAL,
    OPT_SIZE,
    OPT_TTL
};
static const struct option long_options[] = {
    {"dev", required_argument, NULL, OPT_DEV},
    {"address", required_argument, NULL, OPT_ADDRESS},
    {"host-address", required_argument, NULL, OPT_HOST_ADDRESS},
    {"gateway", required_argument, NULL, OPT_GATEWAY},
    {"mac", required_argument, NULL, OPT_MAC},
    {"vlan", required_argument, NULL, OPT_VLAN},
    {"dad", required_argument, NULL, OPT_DAD},
    {"autoconf", optional_argument, NULL, OPT_AUTOCONF},
    {"dhcp", no_argument, NULL, OPT_DHCP},
    {"mtu", required_argument, NULL, OPT_MTU},
    {"trace", required_argument, NULL, OPT_TRACE},
    {"svg", required_argument, NULL, OPT_SVG},
    {"2msl", required_argument, NULL, OPT_2MSL},
    {"set", required_argument, NULL, OPT_SET},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"port", required_argument, NULL, OPT_PORT},
    {"writable", no_argument, NULL, OPT_WRITABLE},
    {"upload-max", required_argument, NULL, OPT_UPLOAD_MAX},
    {"idle-timeout", required_argument, NULL, OPT_IDLE_TIMEOUT},
    {"header-timeout", required_argument, NULL, OPT_HEADER_TIMEOUT},
    {"transfer-timeout", required_argument, NULL, OPT_TRANSFER_TIMEOUT},
    {"grace", required_argument, NULL, OPT_GRACE},
    {"udp", no_argument, NULL, OPT_UDP},
    {"count", required_argument, NULL, OPT_COUNT},
    {"interval", required_argument, NULL, OPT_INTERVAL},
    {"wait", required_argument, NULL, OPT_WAIT},
    {"size", required_argument, NULL, OPT_SIZE},
    {"ttl", required_argument, NULL, OPT_TTL},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static const char common_help[] =
    "\noptions:\n"
    "  --dev tun:NAME         the TUN device, made if there is none; default: the lowest free aksuN\n"
    "  --dev tap:NAME         the same of Ethernet: the kernel, or whoever is bridged to it, is on one segment with "
    "us\n"
    "  --dev packet:NAME      an Ethernet device of the kernel's: a host of its own beside it; packet:NAME,rings=off\n"
    "                         has a system call for each frame, rings=on insists on rings shared with the kernel\n"
    "  --address A/BITS       our address (192.0.2.2/24); again for more, and of IPv6\n"
    "  --host-address A       the kernel's address on a tun or tap device (192.0.2.1); again for more\n"
    "  --gateway A            what is in none of our networks goes there; again for another, if it does not answer\n"
    "  --mtu BYTES            576 to 65535 (1500; packet: the device's)\n"
    "  --mac A                our Ethernet address (made from the machine and the device's name)\n"
    "  --vlan ID              our VLAN, 1 to 4094 (none)\n"
    "  --dad N                how often to ask whether an address is taken, 0 to 16 (1)\n"
    "  --dhcp                 an IPv4 address from a server on the segment\n"
    "  --autoconf[=temporary] IPv6 addresses by router advertisements, and for a day each\n"
    "  --trace=ladder[:FILE]  draw every segment, state and timer; to stderr, or to FILE\n"
    "  --trace=json[:FILE]    the same events as JSON lines\n"
    "  --trace=pcapng:FILE    the packets, with a comment on each that changed a state\n"
    "  --svg FILE             the ladder as a picture, written at the end; the same as --trace=svg:FILE\n"
    "  --2msl SECONDS         30 to 240 (60)\n"
    "  --set NAME=VALUE       any setting of a connection, for example nagle=0 or congestion_control=bbr\n"
    "  --quiet                no messages but errors\n";

static bool parse_trace(app_options *options, const char *text) {
    bool known = strncmp(text, "ladder", 6) == 0 || strncmp(text, "json", 4) == 0 ||
                 (strncmp(text, "pcapng:", 7) == 0 && text[7] != '\0') ||
                 (strncmp(text, "svg:", 4) == 0 && text[4] != '\0');
    if (!known || options->trace_count == APP_TRACE_MAX) {
        app_say("--trace '%s' is not ladder, json, pcapng:FILE or svg:FILE", text);
        return false;
    }
    options->trace[options->trace_count++] = text;
    return true;
}

static bool parse_serve(app_serve_options *serve, int option, const char *value) {
    const uint64_t day_s = 86400;
    uint64_t port;
    switch (option) {
    case OPT_PORT:
        if (!app_number("--port", value, 1, 65535, &port)) return false;
        serve->port = (uint16_t)port;
        return true;
    case OPT_WRITABLE: serve->writable = true; return true;
    case OPT_UPLOAD_MAX: return app_number("--upload-max", value, 0, INT64_MAX, &serve->upload_max_bytes);
    case OPT_IDLE_TIMEOUT: return app_number("--idle-timeout", value, 0, day_s, &serve->idle_s);
    case OPT_HEADER_TIMEOUT: return app_number("--header-timeout", value, 0, day_s, &serve->header_s);
    case OPT_TRANSFER_TIMEOUT: return app_number("--transfer-timeout", value, 0, day_s, &serve->transfer_s);
    case OPT_GRACE: return app_number("--grace", value, 0, day_s, &serve->grace_s);
    default: return false;
    }
}

static bool parse_probe(app_probe_options *probe, int option, const char *value) {
    const uint64_t hour_ms = 3600000;
    uint64_t number;
    switch (option) {
    case OPT_COUNT: return app_number("--count", value, 1, 1000000000, &probe->count);
    case OPT_INTERVAL: return app_number("--interval", value, 1, hour_ms, &probe->interval_ms);
    case OPT_WAIT: return app_number("--wait", value, 1, hour_ms, &probe->wait_ms);
    case OPT_SIZE:
        if (!app_number("--size", value, 0, 65507, &number)) return false;
        probe->size_bytes = (uint32_t)number;
        probe->size_given = true;
        return true;
    case OPT_TTL:
        if (!app_number("--ttl", value, 1, 255, &number)) return false;
        probe->ttl = (uint8_t)number;
        return true;
    default: return false;
    }
}

static bool parse_svg(app_options *options, const char *file) {
    if (*file == '\0' || options->svg != NULL) {
        app_say("--svg takes one file's name, once");
        return false;
    }
    options->svg = file;
    return true;
}

static bool parse_one(app_options *options, int option, const char *value) {
    uint64_t number = 0;
    switch (option) {
    case OPT_DEV: return app_device(options, value);
    case OPT_ADDRESS: return app_address("--address", value, options->host.addr);
    case OPT_HOST_ADDRESS: return app_address("--host-address", value, options->host.tun.host_addr);
    case OPT_GATEWAY: return app_gateway(options, value);
    case OPT_MAC: return app_mac(options, value);
    case OPT_DHCP: options->dhcp = true; return true;
    case OPT_AUTOCONF: return app_autoconf(options, value);
    case OPT_VLAN:
        if (!app_number("--vlan", value, 1, 4094, &number)) return false;
        options->host.tun.ether.vlan = (uint16_t)number;
        return true;
    case OPT_DAD:
        if (!app_number("--dad", value, 0, 16, &number)) return false;
        options->host.tun.ether.dad_probes = (uint8_t)number;
        options->dad_given = true;
        return true;
    case OPT_MTU:
        if (!app_number("--mtu", value, 576, 65535, &number)) return false;
        options->host.tun.mtu = (uint32_t)number;
        options->mtu_given = true;
        return true;
    case OPT_TRACE: return parse_trace(options, value);
    case OPT_SVG: return parse_svg(options, value);
    case OPT_2MSL:
        if (!app_number("--2msl", value, 30, 240, &number)) return false;
        options->host.stack.time_wait_us = number * 1000000;
        return true;
    case OPT_SET: return parse_set(options, value);
    case OPT_QUIET: options->quiet = true; return true;
    case OPT_UDP: options->udp = true; return true;
    default:
        return option >= OPT_WAIT ? parse_probe(&options->probe, option, value)
                                  : parse_serve(&options->serve, option, value);
    }
}

/* What getopt_long did not take.  text: the argument, or the name of another verb's option. */
static void say_no_option(const app_verb *verb, int option, const char *text) {
    const char *dashes = text[0] == '-' ? "" : "--";
    if (option == ':')
        app_say("%s needs a value; aksu %s --help tells which", text, verb->name);
    else if (optopt > 0 && optopt < OPT_DEV) /* of one letter: there are none */
        app_say("'-%c' is no option; aksu %s --help lists them", optopt, verb->name);
    else
        app_say("'%s%s' is no option of aksu %s, or takes no value; aksu %s --help lists them", dashes, text,
                verb->name, verb->name);
}

static bool takes(const app_verb *verb, int option) {
    if (verb->asks) return option == OPT_DEV || option == OPT_HELP;
    if (option < OPT_SERVE) return true;
    if (option < OPT_UDP) return verb == &app_verb_serve;
    if (option == OPT_UDP) return verb->datagrams;
    return verb->probes || (option == OPT_WAIT && verb->datagrams);
}

int app_options_parse(const app_verb *verb, int argc, char **argv, app_options *ret_options, bool *ret_help) {
    *ret_options = (app_options){.serve = {.port = 8080, .idle_s = 60, .header_s = 20, .transfer_s = 60, .grace_s = 5}};
    aksu_host_config_default(&ret_options->host);
    ret_options->host.addr[0] = ret_options->host.tun.host_addr[0] = (aksu_host_addr){0}; /* see app_device_check */
    opterr = 0;
    for (;;) {
        int index = 0;
        optopt = 0;
        int option = getopt_long(argc, argv, ":", long_options, &index);
        if (option == -1) break;
        if (option == OPT_HELP) {
            (void)printf("usage: aksu %s [OPTION...] %s\n\n%s\n%s", verb->name, verb->arguments, verb->help,
                         verb->asks ? "" : common_help);
            *ret_help = true;
            return APP_OK;
        }
        bool others = option >= OPT_DEV && !takes(verb, option);
        if (others || option == '?' || option == ':') {
            say_no_option(verb, option, others ? long_options[index].name : argv[optind - 1]);
            return APP_USAGE;
        }
        if (!parse_one(ret_options, option, optarg)) return APP_USAGE;
    }
    if (!verb->asks && !app_device_check(ret_options)) return APP_USAGE;
    int count = argc - optind;
    if (count < verb->argument_min || count > verb->argument_max) {
        app_say("usage: aksu %s [OPTION...] %s", verb->name, verb->arguments);
        return APP_USAGE;
    }
    for (int i = 0; i < count; i++) ret_options->argument[i] = argv[optind + i];
    ret_options->argument_count = count;
    return APP_OK;
}
