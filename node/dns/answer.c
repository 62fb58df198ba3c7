/* RFC 1034 §4.3.2, in its order: the nearest ancestor zone, down to the name; a delegation on the
 * way, the name itself, or neither: then a DNAME, a wildcard, or nothing. */
#include "node/dns/answer.h"

#include <assert.h>
#include <string.h>

#include "node/dns/reply.h"

enum {
    TYPE_OPT = 41,
    TYPE_NXNAME = 128,
    TYPE_ANY = 255,
    TYPE_AXFR = 252,
    TYPE_IXFR = 251,
    TYPE_META_FIRST = 249, /* TKEY, TSIG, IXFR, AXFR, MAILB, MAILA: RFC 6895 §3.1 */
    CLASS_IN = 1,
    ALIASES_MAX = 16, /* of one answer */
};

static const char *const reason_texts[ANSWER_REASON_COUNT] = {
    [ANSWER_POSITIVE] = "positive",
    [ANSWER_BALANCED] = "balanced",
    [ANSWER_BALANCED_LAST_RESORT] = "balanced-last-resort",
    [ANSWER_REFERRAL] = "referral",
    [ANSWER_NODATA] = "nodata",
    [ANSWER_NXDOMAIN] = "nxdomain",
    [ANSWER_TRUNCATED] = "truncated",
    [ANSWER_REFUSED_ZONE] = "refused-zone",
    [ANSWER_REFUSED_CLASS] = "refused-class",
    [ANSWER_REFUSED_TRANSFER] = "refused-transfer",
    [ANSWER_SERVFAIL_NOT_READY] = "servfail-not-ready",
    [ANSWER_SERVFAIL_POOL] = "servfail-pool",
    [ANSWER_NOTIMP] = "notimp",
    [ANSWER_FORMERR] = "formerr",
    [ANSWER_BADVERS] = "badvers",
    [ANSWER_DROPPED] = "dropped",
};

const char *answer_reason_text(enum answer_reason reason)
{
    assert(reason < ANSWER_REASON_COUNT);
    return reason_texts[reason];
}

/* The name being looked for: the question's, then what aliases lead to. */
struct search {
    const struct answer_request *request;
    struct reply *reply;
    uint16_t type;
    uint8_t lower[NAME_SIZE_MAX];
    size_t size;
    size_t owner;                 /* offset in the reply where this name stands */
    const struct view_zone *zone; /* the zone it began in; aliases are followed within it */
    size_t alias_count;
    struct {
        const void *node; /* whose alias was followed, */
        uint64_t hash;    /* for which name */
    } aliases[ALIASES_MAX];
};

/* ---- sections ---- */

static enum answer_reason answer_refused(struct reply *reply, enum answer_reason reason,
                                         enum reply_extended extended)
{
    reply->rcode = REPLY_REFUSED;
    reply_extend(reply, extended, NULL);
    return reason;
}

/* The SOA of the zone, for a negative answer (RFC 2308 §2). Its owner is the end of the question's
 * name, as aliases are followed within the zone only. */
static void add_soa(struct search *self, const struct view_zone *zone)
{
    size_t owner = REPLY_QUESTION_NAME + self->reply->query->name_size - zone->origin_size;
    reply_add(self->reply, REPLY_AUTHORITY, owner, &zone->soa);
}

static enum answer_reason answer_nodata(struct search *self, const struct view_zone *zone)
{
    add_soa(self, zone);
    return ANSWER_NODATA;
}

static enum answer_reason answer_nxdomain(struct search *self, const struct view_zone *zone)
{
    /* RFC 6604 §2: also when only what an alias leads to does not exist. */
    self->reply->rcode = REPLY_NXDOMAIN;
    add_soa(self, zone);
    return ANSWER_NXDOMAIN;
}

/* The offset of a name that ends in the search's, which stands in the reply: its own suffix. */
static size_t suffix(const struct search *self, size_t suffix_size)
{
    return self->owner + self->size - suffix_size;
}

static enum answer_reason answer_referral(struct search *self, const struct view_node *cut)
{
    const struct view_rrset *ns = view_rrset(cut, ZONE_NS);
    size_t servers = reply_add(self->reply, REPLY_AUTHORITY, suffix(self, cut->owner_size), ns);
    const struct view_rrset *ds = view_rrset(cut, ZONE_DS);
    if (ds != NULL && self->reply->query->wants_dnssec)
        reply_add(self->reply, REPLY_AUTHORITY, suffix(self, cut->owner_size), ds);
    for (size_t i = 0; servers != 0 && i < cut->glue_count; i++) {
        size_t server = servers + cut->glue[i].offset;
        if (server <= REPLY_POINTER_MAX) /* beyond 16 KB of name servers, over TCP: those do */
            reply_add(self->reply, REPLY_ADDITIONAL, server, cut->glue[i].rrset);
    }
    /* RFC 1034 §4.3.1: a referral is not authoritative, an alias before it is. */
    if (self->alias_count == 0)
        self->reply->authoritative = false;
    return ANSWER_REFERRAL;
}

/* ---- pools ---- */

static enum answer_reason answer_fixed(struct search *self, const struct view_pool *pool,
                                       unsigned family)
{
    for (size_t i = 0; i < pool->fixed_count[family]; i++)
        reply_add_record(self->reply, REPLY_ANSWER, self->owner, self->type, pool->ttl_s,
                         family == 0 ? pool->fixed_ipv4[i] : pool->fixed_ipv6[i],
                         family == 0 ? 4 : 16);
    return ANSWER_BALANCED_LAST_RESORT;
}

static enum answer_reason answer_servfail(struct search *self, enum answer_reason reason,
                                          enum reply_extended extended, const char *text)
{
    self->reply->rcode = REPLY_SERVFAIL;
    self->reply->authoritative = false;
    reply_clear(self->reply);
    reply_extend(self->reply, extended, text);
    return reason;
}

static enum answer_reason answer_balanced(struct search *self, const struct view_node *node)
{
    static const char last_resort[] = "last resort: no fit server";
    const struct view_pool *pool = node->pool;
    unsigned family = self->type == ZONE_A ? 0 : 1;
    size_t member = 0;
    enum pool_reason reason = pool_choose(pool->pool, self->request->now_ms, family, &member);
    switch (reason) {
    case POOL_NOT_READY:
        return answer_servfail(self, ANSWER_SERVFAIL_NOT_READY, REPLY_NOT_READY,
                               "no facts about the servers yet");
    case POOL_NOBODY:
        return answer_servfail(self, ANSWER_SERVFAIL_POOL, REPLY_OTHER, "no fit server");
    case POOL_NO_ADDRESS:
        return answer_nodata(self, node->zone);
    case POOL_CHOSEN_FIXED:
        reply_extend(self->reply, REPLY_OTHER, last_resort);
        if (pool->fixed_count[family] == 0)
            return answer_nodata(self, node->zone);
        return answer_fixed(self, pool, family);
    default:
        break;
    }
    reply_add_record(self->reply, REPLY_ANSWER, self->owner, self->type, pool->ttl_s,
                     family == 0 ? pool->ipv4[member] : pool->ipv6[member], family == 0 ? 4 : 16);
    if (reason == POOL_CHOSEN)
        return ANSWER_BALANCED;
    reply_extend(self->reply, REPLY_OTHER, last_resort);
    return ANSWER_BALANCED_LAST_RESORT;
}

/* ---- aliases ---- */

/* Was the node's DNAME followed, so that it is in the answer? */
static bool has_followed(const struct search *self, const struct view_node *node)
{
    for (size_t i = 0; i < self->alias_count; i++)
        if (self->aliases[i].node == node)
            return true;
    return false;
}

/* Note that the node's alias is followed for this name. False: it was before, so that the aliases
 * go round in a circle, or they are too many for one answer; the resolver asks on if it likes. */
static bool note_alias(struct search *self, const struct view_node *node)
{
    if (self->alias_count == ALIASES_MAX)
        return false;
    uint64_t hash = name_hash(self->lower, self->size, self->request->view->hash_key);
    for (size_t i = 0; i < self->alias_count; i++)
        if (self->aliases[i].node == node && self->aliases[i].hash == hash)
            return false;
    self->aliases[self->alias_count].node = node;
    self->aliases[self->alias_count++].hash = hash;
    return true;
}

/* Go on with the name at this offset of the reply; 0: it did not fit. */
static bool follow(struct search *self, size_t target)
{
    if (target == 0)
        return false;
    self->size = name_lower(self->reply->bytes + target, self->lower);
    self->owner = target;
    return true;
}

/* The name with the DNAME's owner replaced by its target (RFC 6672 §2.2); false when it is too
 * long. */
static bool substitute(const struct search *self, const struct view_node *node,
                       const uint8_t *target, uint8_t *name, size_t *size)
{
    size_t kept = self->size - node->owner_size;
    size_t target_size = name_size(target, NAME_SIZE_MAX);
    if (kept + target_size > NAME_SIZE_MAX)
        return false;
    /* The labels that are kept, in the case in which they stand in the reply. */
    memcpy(name, self->reply->bytes + self->owner, kept);
    memcpy(name + kept, target, target_size);
    *size = kept + target_size;
    return true;
}

/* True: go on with what the DNAME leads to. */
static bool follow_dname(struct search *self, const struct view_node *node)
{
    uint8_t name[NAME_SIZE_MAX];
    size_t size;
    const struct view_rrset *dname = view_rrset(node, ZONE_DNAME);
    const uint8_t *record = dname->bytes;
    uint32_t ttl_s = (uint32_t)record[4] << 24 | (uint32_t)record[5] << 16 |
                     (uint32_t)record[6] << 8 | record[7];
    bool is_first = !has_followed(self, node);
    if (!note_alias(self, node))
        return false;
    if (is_first)
        reply_add(self->reply, REPLY_ANSWER, suffix(self, node->owner_size), dname);
    if (!substitute(self, node, record + 10, name, &size)) {
        self->reply->rcode = REPLY_YXDOMAIN; /* RFC 6672 §2.2 */
        return false;
    }
    size_t target =
        reply_add_record(self->reply, REPLY_ANSWER, self->owner, ZONE_CNAME, ttl_s, name, size);
    return self->type != ZONE_CNAME && follow(self, target);
}

/* ---- the search ---- */

/* The node of the name or of its closest encloser; NULL: in none of our zones. */
static const struct view_node *find_closest(const struct view *view, const uint8_t *lower,
                                            size_t size, bool *is_exact)
{
    size_t labels = name_label_count(lower);
    *is_exact = true;
    for (;; labels--) {
        if (labels <= view->labels_max) {
            const struct view_node *node = view_find(view, lower, size);
            if (node != NULL)
                return node;
        }
        *is_exact = false;
        if (labels == 0)
            return NULL;
        size -= 1U + lower[0];
        lower += 1U + lower[0];
    }
}

/* The node exists, or stands in for the name as a wildcard. True: go on with an alias. */
static bool answer_at(struct search *self, const struct view_node *node, enum answer_reason *reason)
{
    bool is_address = self->type == ZONE_A || self->type == ZONE_AAAA;
    if (node->pool != NULL && (is_address || self->type == TYPE_ANY)) {
        if (!is_address) /* ANY: RFC 8482 §4.1, one set of them */
            self->type = node->pool->has_ipv4 ? ZONE_A : ZONE_AAAA;
        *reason = answer_balanced(self, node);
        return false;
    }
    const struct view_rrset *cname = view_rrset(node, ZONE_CNAME);
    if (cname != NULL && self->type != ZONE_CNAME && self->type != TYPE_ANY &&
        view_rrset(node, self->type) == NULL) {
        *reason = ANSWER_POSITIVE;
        return note_alias(self, node) &&
               follow(self, reply_add(self->reply, REPLY_ANSWER, self->owner, cname));
    }
    const struct view_rrset *rrset = self->type == TYPE_ANY && node->rrset_count > 0
                                         ? &node->rrsets[0]
                                         : view_rrset(node, self->type);
    if (rrset == NULL) {
        *reason = answer_nodata(self, node->zone);
        return false;
    }
    /* The DNAME asked for may be the one that led here. */
    bool is_in_answer = rrset->type == ZONE_DNAME && has_followed(self, node) &&
                        name_equal(self->lower, node->owner);
    if (!is_in_answer)
        reply_add(self->reply, REPLY_ANSWER, self->owner, rrset);
    *reason = ANSWER_POSITIVE;
    return false;
}

/* One name. True: an alias leads on to the next. */
static bool answer_name(struct search *self, enum answer_reason *reason)
{
    bool is_exact;
    const struct view_node *node =
        find_closest(self->request->view, self->lower, self->size, &is_exact);
    if (node == NULL || (self->zone != NULL && node->zone != self->zone)) {
        /* An alias that leads out of the zone: what it is, is for the resolver to ask. */
        if (self->alias_count == 0)
            *reason = answer_refused(self->reply, ANSWER_REFUSED_ZONE, REPLY_NOT_AUTHORITATIVE);
        return false;
    }
    /* RFC 4035 §3.1.4.1: DS belongs to the parent's side of a cut. */
    if (self->type == ZONE_DS && is_exact && node->parent_side != NULL)
        node = node->parent_side;
    self->zone = node->zone;
    self->reply->authoritative = true;
    if (node->cut != NULL && !(self->type == ZONE_DS && is_exact && node->cut == node)) {
        *reason = answer_referral(self, node->cut);
        return false;
    }
    if (node->dname != NULL || (!is_exact && view_rrset(node, ZONE_DNAME) != NULL)) {
        *reason = ANSWER_POSITIVE;
        return follow_dname(self, node->dname != NULL ? node->dname : node);
    }
    if (is_exact)
        return answer_at(self, node, reason);
    if (node->wildcard != NULL) {
        /* RFC 4592 §3.3: the wildcard's sets with the name that was asked for as their owner. */
        if (node->wildcard->cut != NULL) {
            *reason = answer_nodata(self, node->zone);
            return false;
        }
        return answer_at(self, node->wildcard, reason);
    }
    *reason = answer_nxdomain(self, node->zone);
    return false;
}

/* Types that no name can have (RFC 6895 §3.1). True: the question is answered by that. */
static bool answer_meta(uint16_t type, struct reply *reply, enum answer_reason *reason)
{
    if (type == TYPE_AXFR || type == TYPE_IXFR) {
        *reason = answer_refused(reply, ANSWER_REFUSED_TRANSFER, REPLY_PROHIBITED);
    } else if (type == TYPE_NXNAME) { /* RFC 9824 §3.5 */
        reply->rcode = REPLY_FORMERR;
        reply_extend(reply, REPLY_INVALID_TYPE, NULL);
        *reason = ANSWER_FORMERR;
    } else if (type == 0 || type == TYPE_OPT || (type >= TYPE_META_FIRST && type < TYPE_ANY)) {
        reply->rcode = REPLY_NOTIMP;
        *reason = ANSWER_NOTIMP;
    } else {
        return false;
    }
    return true;
}

static enum answer_reason answer_question(const struct answer_request *request, struct reply *reply)
{
    const struct query *query = reply->query;
    enum answer_reason reason = ANSWER_REFUSED_ZONE;
    if (query->class != CLASS_IN)
        return answer_refused(reply, ANSWER_REFUSED_CLASS, REPLY_NOT_AUTHORITATIVE);
    if (answer_meta(query->type, reply, &reason))
        return reason;
    struct search search;
    search.request = request;
    search.reply = reply;
    search.type = query->type;
    search.size = query->name_size;
    search.owner = REPLY_QUESTION_NAME;
    search.zone = NULL;
    search.alias_count = 0;
    memcpy(search.lower, query->lower, query->name_size);
    while (answer_name(&search, &reason)) {
    }
    return reason;
}

/* ---- the whole ---- */

/* What cannot be read is answered by its header and, when that was read, its question. */
static enum answer_reason answer_unread(enum query_reason reason, struct reply *reply)
{
    switch (reason) {
    case QUERY_NOTIMP_OPCODE:
        reply->rcode = REPLY_NOTIMP;
        return ANSWER_NOTIMP;
    case QUERY_BADVERS:
        reply->rcode = REPLY_BADVERS;
        return ANSWER_BADVERS;
    default:
        reply->rcode = REPLY_FORMERR;
        return ANSWER_FORMERR;
    }
}

void answer_query(const struct answer_request *request, uint8_t *bytes, size_t size_max,
                  struct answer *answer)
{
    struct query query;
    struct reply reply;
    bool truncated;
    *answer = (struct answer){.reason = ANSWER_DROPPED};
    answer->query_reason = query_parse(&query, request->bytes, request->size);
    if (answer->query_reason == QUERY_DROP_SHORT || answer->query_reason == QUERY_DROP_RESPONSE)
        return;
    size_t limit = ANSWER_SIZE_MAX;
    if (!request->over_tcp)
        limit = query.udp_size < QUERY_UDP_SIZE_MAX ? query.udp_size : QUERY_UDP_SIZE_MAX;
    assert(limit <= size_max);
    reply_begin(&reply, &query, request->bytes + QUERY_HEADER_SIZE, request->view->nsid, bytes,
                limit);
    answer->reason = answer->query_reason == QUERY_OK ? answer_question(request, &reply)
                                                      : answer_unread(answer->query_reason, &reply);
    answer->rcode = reply.rcode;
    answer->size = reply_finish(&reply, &truncated);
    if (truncated)
        answer->reason = ANSWER_TRUNCATED;
    assert(answer->size <= limit);
}
