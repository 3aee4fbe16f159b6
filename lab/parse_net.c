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

/* yes, no, or what the host has after all, joined by commas. */
static bool naive(struct parser *p, lab_host *h, char *given) {
    static const struct {
        const char *name;
        unsigned senses;
    } words[] = {{"three-way", LAB_SENSE_THREE_WAY},
                 {"random-isn", LAB_SENSE_RANDOM_ISN},
                 {"time-wait", LAB_SENSE_TIME_WAIT},
                 {"allocate-at-ack", LAB_SENSE_THREE_WAY | LAB_SENSE_ALLOCATE_AT_ACK}};
    h->naive = strcmp(given, "no") != 0;
    h->senses = 0;
    if (!h->naive || strcmp(given, "yes") == 0) return true;
    for (char *word = given; word != NULL;) {
        char *comma = strchr(word, ',');
        if (comma != NULL) *comma = '\0';
        size_t i = 0;
        while (i < sizeof words / sizeof words[0] && strcmp(words[i].name, word) != 0) i++;
        if (i == sizeof words / sizeof words[0])
            return lab_back(p, "'%s' is not three-way, random-isn, time-wait or allocate-at-ack", word);
        h->senses |= words[i].senses;
        word = comma != NULL ? comma + 1 : NULL;
    }
    return true;
}

static bool host_option(struct parser *p, lab_host *h, char *text) {
    char *equals = strchr(text, '=');
    uint64_t value = 0;
    if (equals == NULL) return lab_back(p, "'%s' is not NAME=VALUE", text);
    *equals = '\0';
    char *given = equals + 1;
    if (strcmp(text, "reads") == 0 && strchr(given, '/') != NULL) return slow_reader(p, h, given);
    if (strcmp(text, "naive") == 0) return naive(p, h, given);
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
    for (uint32_t i = 0; i < s->host_count; i++) {
        if (i != h.of && aksu_addr_equal(&s->host[i].addr, &h.addr))
            return lab_back(p, "another host has the address '%s'", addr);
    }
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

bool lab_read_router(struct parser *p) {
    lab_scenario *s = p->s;
    if (s->router_count == LAB_ROUTER_MAX) return lab_wrong(p, "more than %d routers", LAB_ROUTER_MAX);
    const char *name = lab_take(p, "the router's name");
    if (!p->failed && lab_end_named(p, name) >= 0) return lab_back(p, "'%s' is there already", name);
    const char *text = lab_take(p, "the router's address");
    lab_router router = {.name = name};
    if (!p->failed && aksu_addr_parse(text, &router.addr) != AKSU_OK)
        return lab_back(p, "'%s' is not an address", text);
    s->router[s->router_count++] = router;
    return !p->failed;
}

static uint8_t end_word(struct parser *p) {
    const char *name = lab_take(p, "a host or router");
    int end = p->failed ? 0 : lab_end_named(p, name);
    if (end < 0) (void)lab_back(p, "unknown host '%s'", name);
    return (uint8_t)(end < 0 ? 0 : end);
}

/* In parts of a million. */
static uint32_t chance(struct parser *p, const char *what) {
    uint64_t value = lab_quantity(p, what);
    if (p->failed || value <= 1000000) return (uint32_t)value;
    (void)lab_back(p, "'%s' is more than 100%%", p->word[p->at - 1].text);
    return 0;
}

/* One word of a path with what belongs to it; false: it is none. */
static bool path_word(struct parser *p, aksu_sim_path *path) {
    const struct {
        const char *name;
        uint64_t *wide;
        uint32_t *narrow;
        const char *what;
    } words[] = {{"delay", &path->delay_us, NULL, "a time"},      {"jitter", &path->jitter_us, NULL, "a time"},
                 {"rate", &path->rate_bps, NULL, "a rate"},       {"queue", NULL, &path->queue_bytes, "bytes"},
                 {"mark", NULL, &path->ecn_mark_bytes, "bytes"},  {"codel", &path->codel_target_us, NULL, "a time"},
                 {"loss", NULL, &path->loss_ppm, "a part"},       {"duplicate", NULL, &path->duplicate_ppm, "a part"},
                 {"corrupt", NULL, &path->corrupt_ppm, "a part"}, {"truncate", NULL, &path->truncate_ppm, "a part"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!lab_eat(p, words[i].name)) continue;
        bool part = strcmp(words[i].what, "a part") == 0;
        uint64_t value = part ? chance(p, words[i].what) : lab_quantity(p, words[i].what);
        if (words[i].wide != NULL)
            *words[i].wide = value;
        else
            *words[i].narrow = (uint32_t)value;
        return true;
    }
    if (lab_eat(p, "reorder")) {
        path->reorder_ppm = chance(p, "a part");
        if (!lab_eat(p, "by")) return lab_wrong(p, "'by' and a time are missing");
        path->reorder_us = lab_quantity(p, "a time");
        return true;
    }
    if (!lab_eat(p, "burst")) return false;
    path->burst_enter_ppm = chance(p, "the chance to begin");
    path->burst_leave_ppm = chance(p, "the chance to end");
    path->burst_loss_ppm = chance(p, "the loss meanwhile");
    return true;
}

bool lab_path_words(struct parser *p, aksu_sim_path *path) {
    while (lab_more(p) && path_word(p, path)) {
    }
    return !p->failed;
}

/* Words before "from" are of both directions. */
bool lab_read_link(struct parser *p) {
    lab_scenario *s = p->s;
    if (s->link_count == LAB_LINK_MAX) return lab_wrong(p, "more than %d links", LAB_LINK_MAX);
    lab_link *l = &s->link[s->link_count];
    *l = (lab_link){.place = lab_here(p)};
    l->end[0] = end_word(p);
    l->end[1] = end_word(p);
    if (!p->failed && l->end[0] == l->end[1]) return lab_wrong(p, "a link has two ends");
    aksu_sim_path *path = &l->path[0];
    bool one_way = false;
    while (lab_more(p)) {
        if (path_word(p, path)) {
            if (!one_way) l->path[1] = l->path[0];
        } else if (lab_eat(p, "from")) {
            uint8_t from = end_word(p);
            if (!p->failed && from != l->end[0] && from != l->end[1]) return lab_wrong(p, "not an end of this link");
            path = &l->path[from == l->end[1] ? 1 : 0];
            one_way = true;
        } else if (lab_eat(p, "mtu")) {
            l->mtu = (uint32_t)lab_number_word(p, "bytes", UINT16_MAX);
        } else {
            return lab_wrong(p, "unknown word '%s' for a link", p->word[p->at].text);
        }
    }
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
    f->from = (uint8_t)(from < 0 ? 0 : from);
    while (lab_more(p)) {
        if (lab_eat(p, "flags"))
            f->fault.flags_set = lab_flags_of(p);
        else if (lab_eat(p, "without"))
            f->fault.flags_clear = lab_flags_of(p);
        else if (lab_eat(p, "data"))
            f->fault.payload_min = 1;
        else if (lab_eat(p, "nth"))
            f->fault.nth = (uint32_t)lab_number_word(p, "which of them", UINT32_MAX);
        else if (lab_eat(p, "count"))
            f->fault.count = (uint32_t)lab_number_word(p, "how many", UINT32_MAX);
        else if (lab_eat(p, "by"))
            f->fault.us = lab_quantity(p, "a time");
        else if (lab_eat(p, "to"))
            f->fault.bytes = (uint32_t)lab_number_word(p, "bytes", UINT16_MAX);
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
