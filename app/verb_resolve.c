/* aksu resolve: asks a name server from our own stack. */
#include <stdlib.h>
#include <string.h>

#include "aksu/dns.h"
#include "app/app.h"

enum { QUESTIONS_MAX = 2 };

struct resolve {
    app_session session;
    aksu_dns *dns;
    const char *name;
    uint32_t open_count;
    bool any;
    int status;
};

static const char *type_name(uint64_t type) {
    return type == AKSU_DNS_A ? "A" : type == AKSU_DNS_AAAA ? "AAAA" : "PTR";
}

static void take_answer(struct resolve *r, const aksu_dns_answer *answer) {
    r->open_count--;
    for (uint32_t i = 0; i < answer->addr_count; i++) {
        char text[AKSU_ADDR_TEXT_BYTES];
        (void)aksu_addr_format(&answer->addr[i], text, sizeof text);
        (void)printf("%s %u %s %s\n", answer->name, answer->ttl_s, type_name(answer->user), text);
    }
    if (answer->result == AKSU_DNS_ANSWERED) {
        r->any = true;
        if (answer->user == AKSU_DNS_PTR) (void)printf("%s %u PTR %s\n", r->name, answer->ttl_s, answer->name);
    } else if (answer->result != AKSU_DNS_NO_DATA) {
        if (r->status == APP_OK) app_say("%s: %s", r->name, aksu_dns_result_text(answer->result));
        r->status = APP_NETWORK;
    }
    if (r->open_count > 0) return;
    if (!r->any && r->status == APP_OK) app_say("%s: %s", r->name, aksu_dns_result_text(AKSU_DNS_NO_DATA));
    if (!r->any) r->status = APP_NETWORK;
    aksu_loop_stop(r->session.host.loop);
}

static void on_alarm(void *user, uint64_t now_us);

/* What has been answered, and when to look again. */
static void look(struct resolve *r) {
    aksu_dns_answer answer;
    while (aksu_dns_next(r->dns, &answer)) take_answer(r, &answer);
    aksu_loop_alarm(r->session.host.loop, aksu_dns_deadline_us(r->dns), on_alarm, r);
}

static void on_alarm(void *user, uint64_t now_us) {
    struct resolve *r = user;
    aksu_dns_advance(r->dns, now_us);
    look(r);
}

static void on_event(void *user, aksu_stack *stack, const aksu_event *event) {
    struct resolve *r = user;
    (void)stack;
    if (aksu_dns_event(r->dns, aksu_host_now_us(), event)) look(r);
}

static void on_turn(void *user, aksu_stack *stack, uint64_t now_us) {
    const struct resolve *r = user;
    (void)stack;
    (void)now_us;
    app_views_flush(r->session.views);
}

/* The machine's own name servers, as far as they are addresses of hosts that can be reached from another one. */
static void read_servers(aksu_dns_config *config) {
    FILE *file = fopen("/etc/resolv.conf", "re");
    char line[256], text[64];
    while (file != NULL && config->server_count < AKSU_DNS_SERVERS && fgets(line, sizeof line, file) != NULL) {
        aksu_addr addr;
        if (sscanf(line, " nameserver %63s", text) != 1 || aksu_addr_parse(text, &addr) != AKSU_OK) continue;
        bool loopback = aksu_addr_is_v4(&addr) ? addr.byte[12] == 127 : strcmp(text, "::1") == 0;
        if (!loopback) config->server[config->server_count++].addr = addr;
    }
    if (file != NULL) (void)fclose(file);
}

static bool servers_of(const app_options *options, aksu_dns_config *config) {
    if (options->argument_count > 2) {
        if (aksu_addr_parse(options->argument[2], &config->server[0].addr) != AKSU_OK) {
            app_say("'%s' is not the address of a name server", options->argument[2]);
            return false;
        }
        config->server_count = 1;
        return true;
    }
    read_servers(config);
    if (config->server_count > 0) return true;
    app_say("/etc/resolv.conf names no server that can be reached from here; write one: aksu resolve %s any 192.0.2.1",
            options->argument[0]);
    return false;
}

/* What is asked; 0: both addresses. */
static bool type_of(const app_options *options, aksu_dns_type *ret_type) {
    aksu_addr addr;
    const char *text = options->argument_count > 1 ? options->argument[1] : "any";
    bool any = strcmp(text, "any") == 0;
    *ret_type = any                         ? (aksu_dns_type)0
                : strcmp(text, "a") == 0    ? AKSU_DNS_A
                : strcmp(text, "aaaa") == 0 ? AKSU_DNS_AAAA
                                            : AKSU_DNS_PTR;
    if (any && aksu_addr_parse(options->argument[0], &addr) == AKSU_OK) *ret_type = AKSU_DNS_PTR;
    if (any || *ret_type != AKSU_DNS_PTR || strcmp(text, "ptr") == 0) return true;
    app_say("'%s' is not a, aaaa, ptr or any", text);
    return false;
}

static int ask(struct resolve *r, aksu_dns_type type) {
    const aksu_dns_type both[QUESTIONS_MAX] = {AKSU_DNS_A, AKSU_DNS_AAAA};
    for (uint32_t i = 0; i < (type == 0 ? QUESTIONS_MAX : 1u); i++) {
        aksu_dns_type one = type == 0 ? both[i] : type;
        uint32_t id;
        aksu_err err = aksu_dns_ask(r->dns, aksu_host_now_us(), r->name, one, one, &id);
        if (err != AKSU_OK) {
            app_say("%s: %s", r->name, err == AKSU_ERR_INVALID ? "not a name" : aksu_err_text(err));
            return APP_USAGE;
        }
        r->open_count++;
    }
    aksu_loop_alarm(r->session.host.loop, aksu_dns_deadline_us(r->dns), on_alarm, r);
    return APP_OK;
}

static int run(app_options *options) {
    static struct resolve state;
    struct resolve *r = &state;
    aksu_dns_config config;
    aksu_dns_type type;
    aksu_host_error error;
    aksu_dns_config_default(&config);
    if (!type_of(options, &type) || !servers_of(options, &config)) return APP_USAGE;
    if (aksu_host_entropy(config.entropy, sizeof config.entropy, &error) < 0) {
        app_say("%s", error.text);
        return APP_NETWORK;
    }
    r->name = options->argument[0];
    options->quiet = true; /* what is printed is the answer */
    options->host.on_event = on_event;
    options->host.on_turn = on_turn;
    options->host.user = r;
    int status = app_session_open(options, &r->session);
    if (status != APP_OK) return status;
    void *mem = malloc(aksu_dns_bytes(&config));
    aksu_stack *stack = r->session.host.stack;
    aksu_advance(stack, aksu_host_now_us());
    if (mem == NULL || aksu_dns_init(&config, stack, mem, aksu_dns_bytes(&config), &r->dns) != AKSU_OK) {
        app_say("no memory");
        r->status = APP_NETWORK;
    } else {
        r->status = ask(r, type);
        if (r->status == APP_OK && aksu_loop_run(r->session.host.loop, &error) < 0) {
            app_say("%s", error.text);
            r->status = APP_NETWORK;
        }
        if (r->open_count > 0 && r->status == APP_OK) r->status = APP_NETWORK; /* a signal */
        aksu_dns_close(r->dns);
    }
    free(mem);
    app_session_close(&r->session);
    return r->status;
}

const app_verb app_verb_resolve = {
    .name = "resolve",
    .arguments = "NAME [TYPE [SERVER]]",
    .summary = "addresses of a name, or the name of an address",
    .help = "Asks a name server from our own stack, over UDP and, if the answer is long, over TCP.\n"
            "  TYPE                   a, aaaa, ptr, or any: both kinds of address, or the name of one (any)\n"
            "  SERVER                 its address; default: those of /etc/resolv.conf\n"
            "Each line: name, seconds that it holds, type, answer.\n\n"
            "examples:\n"
            "  aksu resolve example.org\n"
            "  aksu resolve example.org aaaa 192.0.2.1\n"
            "  aksu resolve 192.0.2.7 ptr 192.0.2.1\n",
    .run = run,
    .argument_min = 1,
    .argument_max = 3,
};
