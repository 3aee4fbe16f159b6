/* Statements about the network: hosts, links, faults. */
#include "lab/parse_inside.h"

#include <string.h>

/* ---------------------------------------------------------------- hosts, links, faults */

lab_place lab_here(const struct parser *p) {
    return (lab_place){.line = p->line, .column = p->word[0].column, .when = p->when, .run = p->run};
}

/* A limit of the whole host; false: no such name. */
static bool host_limit(lab_host *h, const char *name, uint64_t value) {
    const struct {
        const char *name;
        uint32_t *field;
    } limits[] = {{"syn_cache", &h->config.syn_cache_max}, {"blocks", &h->config.block_max},
                  {"block_bytes", &h->config.block_bytes}, {"records", &h->config.record_max},
                  {"transfers", &h->config.transfer_max},  {"connections", &h->config.tcp_max}};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (strcmp(name, limits[i].name) != 0) continue;
        *limits[i].field = (uint32_t)value;
        return true;
    }
    return false;
}

/* reads=100/50ms: so many bytes each time. */
static bool slow_reader(struct parser *p, lab_host *h, char *given) {
    char *slash = strchr(given, '/');
    *slash = '\0';
    bool good = lab_quantity_of(given, &h->slow_bytes) && lab_quantity_of(slash + 1, &h->slow_us);
    return (good && h->slow_bytes > 0 && h->slow_us > 0) || lab_back(p, "'%s' is not BYTES/TIME", given);
}

static bool host_option(struct parser *p, lab_host *h, char *text) {
    char *equals = strchr(text, '=');
    uint64_t value = 0;
    if (equals == NULL) return lab_back(p, "'%s' is not NAME=VALUE", text);
    *equals = '\0';
    char *given = equals + 1;
    if (strcmp(text, "reads") == 0 && strchr(given, '/') != NULL) return slow_reader(p, h, given);
    bool yes = strcmp(given, "yes") == 0;
    if (!yes && strcmp(given, "no") != 0 && strcmp(given, "off") != 0 && strcmp(given, "auto") != 0 &&
        strcmp(given, "always") != 0 && !lab_quantity_of(given, &value))
        return lab_back(p, "'%s' is not a value", given);
    if (yes) value = 1;
    int setting = lab_setting_named(text);
    if (setting >= 0) {
        uint64_t *field = &((uint64_t *)&h->config.tcp)[setting];
        const aksu_tcp_setting_info_t *info = aksu_tcp_setting_info((aksu_tcp_setting)setting);
        if (value < info->min || value > info->max) return lab_back(p, "'%s' is out of its range", text);
        *field = value;
    } else if (strcmp(text, "time_wait") == 0) {
        h->config.time_wait_us = value;
    } else if (strcmp(text, "evict_shut") == 0) {
        h->config.evict_shut_us = value;
    } else if (strcmp(text, "cookies") == 0) {
        h->config.syn_cookies = strcmp(given, "always") == 0 ? 2 : strcmp(given, "auto") == 0 ? 1 : 0;
    } else if (strcmp(text, "reset_on_overflow") == 0) {
        h->config.reset_on_overflow = (uint32_t)value;
    } else if (strcmp(text, "naive") == 0) {
        h->naive = yes;
    } else if (strcmp(text, "reads") == 0) {
        h->reads = yes;
    } else if (strcmp(text, "accepts") == 0) {
        h->accepts = yes;
    } else if (!host_limit(h, text, value)) {
        return lab_back(p, "unknown host option '%s'", text);
    }
    const char *why = aksu_config_check(&h->config);
    return why == NULL || lab_back(p, "%s", why);
}

bool lab_read_host(struct parser *p) {
    lab_scenario *s = p->s;
    const char *name = lab_take(p, "the host's name");
    int known = lab_host_named(p, name);
    if (known >= 0 && p->when == LAB_ALWAYS && p->run < 0) return lab_back(p, "host '%s' is there already", name);
    if (known < 0 && s->host_count == LAB_HOST_MAX) return lab_wrong(p, "more than %d hosts", LAB_HOST_MAX);
    if (s->entry_count == LAB_HOST_ENTRY_MAX) return lab_wrong(p, "more than %d host statements", LAB_HOST_ENTRY_MAX);
    lab_host h = {.place = lab_here(p), .name = name, .reads = true, .accepts = true};
    h.of = known < 0 ? s->host_count : (uint32_t)known;
    const char *addr = lab_take(p, "the host's address");
    if (!p->failed && aksu_addr_parse(addr, &h.addr) != AKSU_OK) return lab_back(p, "'%s' is not an address", addr);
    aksu_sim_config_default(&h.config);
    /* The plain TCP of the textbooks, unless a file asks for more: no option but MSS. */
    h.config.tcp.timestamps = h.config.tcp.sack = h.config.tcp.window_scale = 0;
    h.config.tcp.rcv_buf_bytes = h.config.tcp.snd_buf_bytes = 65535;
    while (lab_more(p)) {
        if (!host_option(p, &h, p->word[p->at++].text)) return false;
    }
    s->entry[s->entry_count++] = h;
    if (known < 0) s->host[s->host_count++] = h;
    return !p->failed;
}

bool lab_read_link(struct parser *p) {
    lab_scenario *s = p->s;
    if (s->link_count == LAB_HOST_MAX) return lab_wrong(p, "more than %d links", LAB_HOST_MAX);
    lab_link *l = &s->link[s->link_count];
    *l = (lab_link){.place = lab_here(p)};
    l->host[0] = (uint8_t)lab_host_word(p, NULL);
    l->host[1] = (uint8_t)lab_host_word(p, NULL);
    aksu_sim_path path = {0};
    while (lab_more(p)) {
        if (lab_eat(p, "delay"))
            path.delay_us = lab_quantity(p, "a time");
        else if (lab_eat(p, "jitter"))
            path.jitter_us = lab_quantity(p, "a time");
        else if (lab_eat(p, "rate"))
            path.rate_bps = lab_quantity(p, "a rate");
        else if (lab_eat(p, "queue"))
            path.queue_bytes = (uint32_t)lab_quantity(p, "bytes");
        else if (lab_eat(p, "mark"))
            path.ecn_mark_bytes = (uint32_t)lab_quantity(p, "bytes");
        else if (lab_eat(p, "loss"))
            path.loss_ppm = (uint32_t)lab_quantity(p, "a part");
        else if (lab_eat(p, "mtu"))
            l->link.mtu = (uint32_t)lab_number_word(p, "bytes");
        else
            return lab_wrong(p, "unknown word '%s' for a link", p->word[p->at].text);
    }
    l->link.path[0] = l->link.path[1] = path;
    l->link.node[0] = l->host[0];
    l->link.node[1] = l->host[1];
    s->link_count++;
    return !p->failed;
}

bool lab_read_fault(struct parser *p) {
    lab_scenario *s = p->s;
    if (s->fault_count == LAB_ITEM_MAX) return lab_wrong(p, "more than %d faults", LAB_ITEM_MAX);
    lab_fault *f = &s->fault[s->fault_count];
    *f = (lab_fault){.place = lab_here(p)};
    static const char *const actions[] = {"drop", "delay", "duplicate", "corrupt", "truncate"};
    const char *action = lab_take(p, "what the fault does");
    int index = 0;
    while (index < 5 && strcmp(action, actions[index]) != 0) index++;
    if (index == 5) return lab_back(p, "unknown fault '%s'", action);
    f->fault.action = (aksu_sim_action)index;
    int from = 0;
    f->link = (uint8_t)lab_lane(p, '>', &from);
    f->fault.from_node = (uint32_t)(from < 0 ? 0 : from);
    while (lab_more(p)) {
        if (lab_eat(p, "flags"))
            f->fault.flags_set = lab_flags_of(p);
        else if (lab_eat(p, "without"))
            f->fault.flags_clear = lab_flags_of(p);
        else if (lab_eat(p, "data"))
            f->fault.payload_min = 1;
        else if (lab_eat(p, "nth"))
            f->fault.nth = (uint32_t)lab_number_word(p, "which of them");
        else if (lab_eat(p, "count"))
            f->fault.count = (uint32_t)lab_number_word(p, "how many");
        else if (lab_eat(p, "by"))
            f->fault.us = lab_quantity(p, "a time");
        else if (lab_eat(p, "to"))
            f->fault.bytes = (uint32_t)lab_number_word(p, "bytes");
        else if (lab_eat(p, "from"))
            f->fault.from_us = lab_quantity(p, "a time");
        else if (lab_eat(p, "until"))
            f->fault.until_us = lab_quantity(p, "a time");
        else
            return lab_wrong(p, "unknown word '%s' for a fault", p->word[p->at].text);
    }
    s->fault_count++;
    return !p->failed;
}
